/**
 * The worker thread's entry: answers reads and checkpoints one at a time.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";

import { codeOf, messageOf } from "../contract/errors.ts";
import { createReader } from "./reader.ts";
import type { WorkerCall, WorkerReply } from "./worker_protocol.ts";

const port = parentPort;
if (port === null) throw new TypeError("Cannot start the reader: not in a worker thread");

const reader = createReader((workerData as { url: string }).url, "worker");

async function answer({ id, sql, args }: WorkerCall): Promise<WorkerReply> {
  try {
    return { id, rows: await reader.read(sql, args) };
  } catch (error) {
    return { id, error: { code: codeOf(error), message: messageOf(error) } };
  }
}

let last: Promise<void> = Promise.resolve();
port.on("message", (call: WorkerCall | null) => {
  last = last.then(async () => {
    if (call !== null) {
      port.postMessage(await answer(call));
    } else {
      reader.close();
      port.close();
    }
  });
});
