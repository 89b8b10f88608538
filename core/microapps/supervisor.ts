/**
 * Keeps one microapp running: start, handshake, watch, start again, stop.
 *
 * @module
 */
import { type Clock, CodedError, messageOf } from "../contract/mod.ts";
import { openDeadline } from "../flow/deadline.ts";
import { delay } from "../flow/delay.ts";
import { type Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import { type Child, type ChildOptions, openChild } from "./child.ts";
import { faultKind } from "./faults.ts";
import { type Handshake, readHandshake } from "./handshake.ts";
import { forgetProcess, noteProcess } from "./leftover.ts";
import { createPeer, type Peer, type PeerLimits } from "./peer.ts";
import { planRestart, type RestartPolicy } from "./restart_plan.ts";
import { readStderr, type Tail } from "./stderr.ts";

/** Where a microapp is in its life. */
export type MicroappState = "spawning" | "ready" | "restarting" | "failed" | "stopped";

/** Limits of a microapp's life, in milliseconds. */
export interface LifeTimeouts {
  readonly handshakeMs: number;
  /** From the shutdown request to SIGTERM. */
  readonly politeMs: number;
  /** From the shutdown request to SIGKILL. */
  readonly killMs: number;
}

/** What a supervisor needs. */
export interface SupervisorDeps {
  readonly id: string;
  /** Prepares what to start; called for each start. */
  readonly prepare: () => Promise<ChildOptions>;
  /** The `params` of `initialize`. */
  readonly initializeParams: () => unknown;
  readonly onRequest: (request: { method: string; params: unknown }) => Promise<unknown>;
  readonly onState: (state: MicroappState, reason: string | undefined) => void;
  /** Hears why a process ended, or why there is none; not when it was stopped. */
  readonly onFault: (kind: "init_timeout" | "exit", why: string) => void;
  readonly tail: Tail;
  /** Watches the limits of a process until the returned function is called; a breach ends it. */
  readonly guard: (pid: number, onBreach: (reason: string) => void) => () => void;
  /** Ends what its process started and lost sight of. */
  readonly sweep: () => Promise<void>;
  /** Where the running process is written down. */
  readonly pidFile: string;
  /** What its descendants carry in their environment. */
  readonly mark: string;
  readonly limits: PeerLimits;
  readonly timeouts: LifeTimeouts;
  readonly restart: RestartPolicy;
  readonly now: Clock;
  readonly log: Log;
}

/** A process that has shaken hands. A new process is a new one of these, so nothing carries over. */
export interface Live {
  /** Counts the starts of this supervisor, from 1. */
  readonly generation: number;
  readonly peer: Peer;
  readonly handshake: Handshake;
}

/** One microapp under watch. Disposing stops it and resolves when its processes are gone. */
export interface Supervisor extends AsyncDisposable {
  readonly state: MicroappState;
  readonly reason: string | undefined;
  /** The process to talk to, while there is one that is ready. */
  readonly live: Live | null;
  /** The last handshake; null before the first, and once the microapp has failed or stopped. */
  readonly handshake: Handshake | null;
  readonly pid: number | null;
  /** Starts after the first. */
  readonly restarts: number;
  /** Resolves when the first handshake has gone well or badly. */
  readonly settled: Promise<void>;
}

const MAX_REASON_CHARS = 200;
/** How long a child may live on after closing its stdout, in milliseconds. */
const CLOSED_STDOUT_MS = 1_000;

/** Starts a microapp and keeps it running until disposed. */
export function openSupervisor(deps: SupervisorDeps): Supervisor {
  const { id, log, timeouts, now } = deps;
  let state: MicroappState = "spawning";
  let reason: string | undefined;
  let live: Live | null = null;
  let handshake: Handshake | null = null;
  let pid: number | null = null;
  let starts = 0;
  let settle: () => void = () => {};
  const settled = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const scope = openScope({
    onError: (error) => log.error("microapp.supervisor_failed", { error: messageOf(error) }),
  });

  function enter(next: MicroappState, why?: string): void {
    state = next;
    reason = why;
    if (next === "failed" || next === "stopped") handshake = null;
    const level = next === "failed" ? "error" : next === "restarting" ? "warn" : "info";
    log[level](`microapp.${next}`, why === undefined ? {} : { reason: why });
    deps.onState(next, why);
    if (next !== "spawning") settle();
  }

  /** One process from start to end; gives the reason of the end. */
  async function runOnce(signal: AbortSignal): Promise<string> {
    const options = await deps.prepare();
    const child = await openChild(options);
    starts += 1;
    pid = child.pid;
    const noted = noteProcess(deps.pidFile, child.pid, deps.mark).catch((error: unknown) =>
      log.warn("microapp.pid_file_failed", { error: messageOf(error) })
    );
    readStderr({ input: child.stderr, log, tail: deps.tail, now });
    const peer = createPeer({
      input: child.stdout,
      output: child.stdin,
      log,
      limits: deps.limits,
      onRequest: deps.onRequest,
      onStray: (line) => deps.tail.addStray(`stdout: ${line}`),
    });
    const ended = watch({ child, peer, id, signal });
    let breach: string | undefined;
    const unguard = deps.guard(child.pid, (limit) => {
      breach = limit;
      deps.tail.add(`nexo: stopped, it ${limit}`);
      child.signal("SIGKILL");
    });
    try {
      const result = await peer.call("initialize", deps.initializeParams(), {
        timeoutMs: timeouts.handshakeMs,
        signal,
        id: 0,
      });
      handshake = readHandshake(result);
      for (const text of handshake.warnings) log.warn("microapp.handshake_warning", { text });
      live = { generation: starts, peer, handshake };
      enter("ready");
      await settlesBefore(ended, signal);
      if (signal.aborted) return "";
      const why = await ended;
      return breach ?? why;
    } catch (error) {
      throw new CodedError("microapp_handshake", breach ?? whyFailed(error), { cause: error });
    } finally {
      const talks = live !== null;
      live = null;
      if (signal.aborted) await stopChild(child, talks ? peer : null, ended, timeouts);
      child.signal("SIGKILL");
      await ended;
      unguard();
      await deps.sweep();
      await noted;
      await forgetProcess(deps.pidFile);
      pid = null;
    }
  }

  scope.run(async (signal) => {
    let history: readonly number[] = [];
    enter("spawning");
    while (!signal.aborted) {
      const { kind, why } = await runOnce(signal).then(
        (end) => ({ kind: "exit" as const, why: end }),
        (error: unknown) => ({ kind: faultKind(error), why: messageOf(error) }),
      );
      if (signal.aborted) break;
      deps.onFault(kind, why);
      const plan = planRestart(history, now(), deps.restart);
      history = plan.history;
      if (plan.exhausted) enter("failed", `max restart attempts exceeded: ${why}`);
      else enter("restarting", why);
      await delay(plan.pauseMs, { signal }).catch(() => {});
      if (plan.exhausted && !signal.aborted) enter("restarting", "trying again");
    }
    enter("stopped");
  });

  return {
    get state() {
      return state;
    },
    get reason() {
      return reason;
    },
    get live() {
      return live;
    },
    get handshake() {
      return handshake;
    },
    get pid() {
      return pid;
    },
    get restarts() {
      return Math.max(0, starts - 1);
    },
    settled,
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

/** Closes the peer when its process is gone, and ends a process that can no longer be talked to. */
async function watch(
  { child, peer, id, signal }: { child: Child; peer: Peer; id: string; signal: AbortSignal },
): Promise<string> {
  const deaf = (): void => {
    if (!signal.aborted) child.signal("SIGKILL");
  };
  let timer: NodeJS.Timeout | undefined;
  child.stdin.once("error", deaf);
  // It cannot answer any more, whether it still runs or not.
  child.stdout.once("end", () => {
    timer = setTimeout(deaf, CLOSED_STDOUT_MS);
  });
  const why = await child.exited;
  clearTimeout(timer);
  peer.close(new CodedError("microapp_exited", `Cannot finish the call: microapp "${id}" ${why}`));
  return why;
}

function whyFailed(error: unknown): string {
  if (error instanceof CodedError && error.code === "microapp_exited") {
    return error.message.replace(/^[^:]*: /, "");
  }
  return `initialize failed: ${messageOf(error)}`;
}

/** A reason as the wire wants it. */
export function shutdownReason(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "").slice(0, MAX_REASON_CHARS);
}

/** Asks (any answer will do), closes stdin, waits, then SIGTERM, and waits once more. */
async function stopChild(
  child: Child,
  peer: Peer | null,
  ended: Promise<unknown>,
  { politeMs, killMs }: LifeTimeouts,
): Promise<void> {
  using polite = openDeadline(undefined, politeMs);
  const params = { reason: shutdownReason("sigterm") };
  const asked = peer?.call("shutdown", params, { timeoutMs: politeMs, id: 0 }).catch(() => {});
  await Promise.race([asked, ended]);
  child.stdin.end();
  if (await settlesBefore(ended, polite.signal)) return;
  child.signal("SIGTERM");
  using last = openDeadline(undefined, killMs - politeMs);
  await settlesBefore(ended, last.signal);
}

/** Waits for the end of the child or of the signal; says whether it was the child. */
async function settlesBefore(ended: Promise<unknown>, signal: AbortSignal): Promise<boolean> {
  let stop: () => void = () => {};
  const stopped = new Promise<boolean>((resolve) => {
    stop = () => resolve(false);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  const first = await Promise.race([ended.then(() => true), stopped]);
  signal.removeEventListener("abort", stop);
  return first;
}
