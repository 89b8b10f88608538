/**
 * `transcripts.yaml`: what is kept of conversations, and what is blacked out first.
 *
 * @module
 */
import { z } from "zod";
import { AccountId } from "../ids.ts";
import {
  block,
  Count,
  list,
  map,
  optional,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";

/** Keys of `fts` that are read and change nothing: the index is in core's database. */
export const UNUSED_FTS_KEYS = ["db_path"] as const;

/** What to black out; matches become `[REDACTED:<label>]`. */
export const RedactionPattern = z.strictObject({
  /** RE2 syntax: no look-around, no back-references. */
  regex: z.string().min(1).max(4_096),
  label: Text.max(64),
});
/** See {@linkcode RedactionPattern}. */
export type RedactionPattern = z.infer<typeof RedactionPattern>;

/** How much of the event log is kept; what is trimmed is told to clients as a gap. 0 means no limit. */
const EventRetention = block({
  retention_days: withDefault(Count.max(36_500), 90),
  /** Events of one tenant; the oldest go first. */
  max_rows: withDefault(Count, 1_000_000),
});

/** How long what was said and done with tools is kept, in days. 0 means for ever. */
const Days = Count.max(36_500);

/** A whole `transcripts.yaml`. */
export const TranscriptsConfig = block({
  ...schemaVersion,
  /** Of all tenants that say nothing else. */
  retention_days: withDefault(Days, 0),
  fts: block({ enabled: withDefault(z.boolean(), true), ...unused(UNUSED_FTS_KEYS) }),
  redaction: block({
    enabled: withDefault(z.boolean(), true),
    use_builtins: withDefault(z.boolean(), true),
    /** Applied in this order, after the built-in ones. */
    extra_patterns: list(RedactionPattern),
  }),
  /** The model's own history: as it was but sealed, or redacted like the transcript. */
  model_history: withDefault(z.enum(["sealed", "redacted"]), "sealed"),
  events: EventRetention,
  /** Deliveries, messages and replies that are over; their bodies are sealed. 0 means for ever. */
  deliveries: block({ retention_days: withDefault(Days, 30) }),
  tenants: map(
    AccountId,
    block({
      /** Of one tenant, after those of all. */
      extra_patterns: list(RedactionPattern),
      /** Instead of the one for all. */
      retention_days: optional(Days),
    }),
  ),
});
/** See {@linkcode TranscriptsConfig}. */
export type TranscriptsConfig = z.infer<typeof TranscriptsConfig>;
