/**
 * Erasing what a microapp keeps of people, when the operator says so.
 *
 * @module
 */
import type { AppContext } from "./context.ts";

/** Whose data is to go. */
export interface Erasure {
  readonly accountId: string;
  /** One person, as channels name them; null for everybody of the tenant. */
  readonly contact: string | null;
}

/**
 * Erases and resolves with how many records are gone, once nothing of them is left. It may be asked
 * again for the same person. What it throws is shown to the operator, who is told to ask again.
 */
export type EraseHandler<Config = unknown> = (
  whom: Erasure,
  context: AppContext<Config>,
) => number | Promise<number>;
