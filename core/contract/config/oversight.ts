/**
 * `oversight.yaml`: who may take conversations over, what happens then, and who is told when an agent
 * asks for a person.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, AgentId, Slug } from "../ids.ts";
import { EscalationUrgency } from "../processing.ts";
import { block, list, map, optional, schemaVersion, Text, withDefault } from "./block.ts";
import { DurationMs } from "./units.ts";

const duration = (text: string) => withDefault(z.string(), text).pipe(DurationMs);
/** What customers read; at most 4,096 characters. */
const Said = optional(Text.max(4_096));

/** A person, by the hash of the token they sign in with. */
export const OperatorEntry = z.strictObject({
  name: Text.max(128),
  /** The first 16 hex digits of the token's SHA-256. */
  token_hash: z.string().regex(/^[0-9a-f]{16}$/, "must be 16 hex digits"),
  /** The tenants they work for; absent means all. */
  tenants: optional(z.array(AccountId).min(1)),
});
/** See {@linkcode OperatorEntry}. */
export type OperatorEntry = z.infer<typeof OperatorEntry>;

const perAgent = {
  /** Said to the customer when a person takes over; absent says nothing. */
  handoff_text: Said,
  /** The agent takes over again this long after the operator did something last. */
  auto_resume_after: optional(DurationMs),
  /** Whether the agent answers at once what was left unanswered when it takes over again. */
  run_turn: optional(z.boolean()),
};

/** Who is told of an escalation, by a message on a channel. */
export const EscalationNotice = z.strictObject({
  channel: Slug,
  instance: withDefault(Slug, "default"),
  /** The operator's own address there. */
  to: Text.max(512),
  /** Absent means of every urgency. */
  urgencies: optional(z.array(EscalationUrgency).min(1)),
  /** Absent means of all agents. */
  agents: optional(z.array(AgentId).min(1)),
  /** Absent means of all tenants. */
  tenants: optional(z.array(AccountId).min(1)),
});
/** See {@linkcode EscalationNotice}. */
export type EscalationNotice = z.infer<typeof EscalationNotice>;

/** A whole `oversight.yaml`. */
export const OversightConfig = block({
  ...schemaVersion,
  /** Who may act as an operator through microapps. Empty: whoever says so, which is logged. */
  operators: list(OperatorEntry),
  takeover: block({
    ...perAgent,
    /** How long nobody else may act in a pause after its operator did something. */
    lease: duration("15m"),
    /** After this long without an act of the operator an event `pause_forgotten` is sent, once. */
    forgotten_after: duration("1h"),
    /** What a message does that our side wrote on the channel itself, for example on its phone. */
    own_messages: withDefault(z.enum(["pause", "record", "ignore"]), "pause"),
    agents: map(AgentId, block(perAgent)),
  }),
  escalations: block({
    enabled: withDefault(z.boolean(), true),
    /** When somebody should have looked; an event `escalation_overdue` is sent then, once. */
    due: block({ high: duration("15m"), normal: duration("4h"), low: duration("1d") }),
    notify: list(EscalationNotice),
  }),
});
/** See {@linkcode OversightConfig}. */
export type OversightConfig = z.infer<typeof OversightConfig>;
