/**
 * What the main thread and the worker thread say to each other.
 *
 * @module
 */
import type { ErrorCode } from "../contract/mod.ts";
import type { Row, Value } from "./store.ts";

/** One statement to run; null instead of a call ends the worker. */
export interface WorkerCall {
  readonly id: number;
  readonly sql: string;
  readonly args: readonly Value[];
}

/** Its rows, or why there are none. */
export type WorkerReply =
  | { readonly id: number; readonly rows: Row[] }
  | { readonly id: number; readonly error: { readonly code: ErrorCode; readonly message: string } };
