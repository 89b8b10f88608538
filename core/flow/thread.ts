/**
 * Starting a module of ours on a thread of its own.
 *
 * @module
 */
import { Worker } from "node:worker_threads";

/**
 * Starts `file`, a module beside the caller, whose `import.meta.url` is `caller`.
 *
 * Compiled code runs as it is. Sources need tsx, which on Node 20 does not register itself in worker
 * threads when it is only imported.
 */
export function startThread(caller: string, file: string, workerData: unknown): Worker {
  if (!caller.endsWith(".ts")) {
    return new Worker(new URL(`./${file}.js`, caller), { workerData });
  }
  const tsx = JSON.stringify(import.meta.resolve("tsx/esm/api"));
  const loader = `import { register } from ${tsx}; register();`;
  return new Worker(new URL(`./${file}.ts`, caller), {
    workerData,
    execArgv: ["--import", `data:text/javascript,${encodeURIComponent(loader)}`],
  });
}
