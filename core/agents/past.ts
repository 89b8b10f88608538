/**
 * A conversation's past as it is kept: its newest part, and a summary of the rest.
 *
 * @module
 */
import { z } from "zod";
import type { PastMessage } from "./window.ts";

/** A summary of a conversation's beginning, as it is kept. */
export const Summary = z.strictObject({
  role: z.literal("summary"),
  text: z.string(),
  /** The last entry it covers. */
  up_to_seq: z.int(),
});
/** See {@linkcode Summary}. */
export type Summary = z.infer<typeof Summary>;

/** A conversation's past, as it is on disk. */
export interface Past {
  readonly summary: Summary | undefined;
  /** What came after the part that is summed up, oldest first. */
  readonly messages: readonly PastMessage[];
}
