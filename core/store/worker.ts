/**
 * The main thread's side of the worker: statements go over one at a time, checkpoints first.
 *
 * @module
 */
import { once } from "node:events";
import type { Worker } from "node:worker_threads";

import { CodedError, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { startThread } from "../flow/thread.ts";
import type { Row, Value } from "./store.ts";
import type { WorkerCall, WorkerReply } from "./worker_protocol.ts";

/** Runs statements on the worker thread. */
export interface ReaderWorker extends AsyncDisposable {
  /** Runs a statement when all before it are done. */
  run(sql: string, args?: readonly Value[]): Promise<Row[]>;
  /** Gives `task` the worker alone, before every waiting statement; `task` uses the function it gets. */
  exclusively(task: (run: ReaderWorker["run"]) => Promise<void>): Promise<void>;
}

/** Starts the thread; it is started again when it died and is needed. */
export function openReaderWorker({ url, log }: { url: string; log: Log }): ReaderWorker {
  const thread = createThread(url, log);
  const waiting: (() => Promise<void>)[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  async function drain(): Promise<void> {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) await next();
    running = undefined;
  }

  function enqueue<T>(task: () => Promise<T>, where: "push" | "unshift"): Promise<T> {
    if (closed) {
      return Promise.reject(new CodedError("store_closed", "Cannot read: the store is closed"));
    }
    return new Promise((resolve, reject) => {
      waiting[where](() => task().then(resolve, reject));
      running ??= drain();
    });
  }

  return {
    run: (sql, args = []) => enqueue(() => thread.call(sql, args), "push"),
    exclusively: (task) =>
      enqueue(() => task((sql, args = []) => thread.call(sql, args)), "unshift"),
    async [Symbol.asyncDispose]() {
      closed = true;
      await running;
      await thread.end();
    },
  };
}

interface Thread {
  call(sql: string, args: readonly Value[]): Promise<Row[]>;
  end(): Promise<void>;
}

interface Call {
  readonly resolve: (rows: Row[]) => void;
  readonly reject: (error: CodedError) => void;
}

function createThread(url: string, log: Log): Thread {
  let worker: Worker | undefined;
  let lastId = 0;
  const calls = new Map<number, Call>();

  function start(): Worker {
    const started = startThread(import.meta.url, "reader_worker", { url });
    started.on("message", (reply: WorkerReply) => {
      const call = calls.get(reply.id);
      calls.delete(reply.id);
      if ("rows" in reply) call?.resolve(reply.rows);
      else call?.reject(new CodedError(reply.error.code, reply.error.message));
    });
    let failure: unknown;
    started.on("error", (error) => {
      failure = error;
      log.error("store.worker_failed", { error: messageOf(error) });
    });
    started.on("exit", () => {
      if (worker === started) worker = undefined;
      for (const { reject } of calls.values()) {
        reject(
          new CodedError("internal", "Cannot read: the reader thread ended", { cause: failure }),
        );
      }
      calls.clear();
    });
    return started;
  }

  return {
    call(sql, args) {
      worker ??= start();
      const call: WorkerCall = { id: ++lastId, sql, args };
      worker.postMessage(call);
      return new Promise((resolve, reject) => calls.set(call.id, { resolve, reject }));
    },
    async end() {
      if (worker === undefined) return;
      const exited = once(worker, "exit");
      worker.postMessage(null);
      await exited;
    },
  };
}
