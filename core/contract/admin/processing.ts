/**
 * `nexo/admin/processing/*`: people take conversations over from agents, and give them back.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "../ids.ts";
import { AnyScope, InterventionAction, ProcessingControlState } from "../processing.ts";
import { spec, worded } from "./spec.ts";

/** Longest summary, in characters. */
const MAX_SUMMARY_CHARS = 4_096;

/** Who acts. Absent, an operator's own token says it; a microapp must give the hash. */
const operator = {
  operator_token_hash: z.string().regex(/^\S{1,128}$/, "must be 1 to 128 characters, no blanks")
    .nullish(),
  operator_name: z.string().trim().min(1).max(128).nullish(),
};

const Summary = worded((text) =>
  text.trim() === ""
    ? "empty_summary"
    : Array.from(text.trim()).length > MAX_SUMMARY_CHARS
    ? "summary_too_long"
    : undefined
);

/** What pausing, resuming and acting answer. */
export const ProcessingAck = z.object({
  changed: z.boolean(),
  correlation_id: Uuid,
  transcript_stamped: z.boolean().optional(),
  /** Messages that waited; absent when there were none. */
  drained_pending: z.int().optional(),
});

/** The methods of this domain. */
export const PROCESSING_METHODS = {
  "nexo/admin/processing/pause": spec(
    "operator_intervention",
    z.object({
      scope: AnyScope,
      reason: z.string().max(4_096).nullish(),
      ...operator,
      /** The agent takes over again so long after the operator did something last; 0 means never. */
      auto_resume_ms: z.int().min(0).max(30 * 86_400_000).nullish(),
    }),
    ProcessingAck.extend({ state: ProcessingControlState.optional() }),
  ),
  "nexo/admin/processing/resume": spec(
    "operator_intervention",
    z.object({
      scope: AnyScope,
      ...operator,
      session_id: Uuid.nullish(),
      summary_for_agent: Summary.nullish(),
      /** Whether the agent answers at once; absent, the config says so. */
      run_turn: z.boolean().nullish(),
      /** Also while another operator has it. */
      force: z.boolean().nullish(),
    }),
    ProcessingAck,
  ),
  "nexo/admin/processing/intervention": spec(
    "operator_intervention",
    z.object({
      scope: AnyScope,
      action: InterventionAction,
      ...operator,
      session_id: Uuid.nullish(),
      /** The same act carries it each time, and is done once. */
      idempotency_key: z.string().min(1).max(256).nullish(),
    }),
    ProcessingAck,
  ),
  "nexo/admin/processing/state": spec(
    "operator_intervention",
    z.object({ scope: AnyScope }),
    z.object({ state: ProcessingControlState }),
  ),
} as const;
