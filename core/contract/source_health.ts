/**
 * How webhook sources are: what edges report, and what operators see.
 *
 * @module
 */
import { z } from "zod";

/** Signatures an edge refused since its last report, by source and reason. */
export const RejectionReport = z.strictObject({
  at_ms: z.int().nonnegative(),
  sources: z.array(z.strictObject({
    source_id: z.string(),
    reasons: z.record(z.string(), z.int().positive()),
    /** The last one refused, to find it in the edge's log. */
    last_request_id: z.string(),
  })).max(10_000),
});
/** See {@linkcode RejectionReport}. */
export type RejectionReport = z.infer<typeof RejectionReport>;

/** How a source is. */
export const SourceState = z.enum(["ok", "rejecting", "silent"]);
/** See {@linkcode SourceState}. */
export type SourceState = z.infer<typeof SourceState>;
