/**
 * `pollers.yaml`: what happens at a time. A prompt for an agent, or a look at something outside.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, AgentId, Slug } from "../ids.ts";
import {
  block,
  Count,
  Json,
  list,
  map,
  optional,
  Positive,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";

/** Keys of `pollers:` that are read and change nothing: state is in core's own database. */
export const UNUSED_POLLERS_KEYS = ["lease_ttl_factor", "state_db"] as const;

const MAX_SECS = 366 * 86_400;
const jitter = { stagger_jitter_ms: optional(Count.max(3_600_000)) };

/** When something happens: again and again after a while, by a cron expression, or once. */
export const Timetable = z.union([
  z.strictObject({ every_secs: Positive.max(MAX_SECS), ...jitter }),
  z.strictObject({
    /** Five fields, or six with seconds first. */
    cron: Text.max(256),
    /** An IANA time zone. @default UTC */
    tz: optional(Text.max(64)),
    ...jitter,
  }),
  z.strictObject({
    /** RFC 3339, with an offset. */
    at: z.iso.datetime({
      offset: true,
      error: "must be a time with its offset, such as 2030-01-31T09:00:00+01:00",
    }),
    ...jitter,
  }),
], { error: "must have every_secs, cron or at, and of these one alone" });
/** See {@linkcode Timetable}. */
export type Timetable = z.infer<typeof Timetable>;

/** What becomes of times that passed while core was down, busy or paused. */
export const Misfire = z.enum(["skip", "once", "all"]);
/** See {@linkcode Misfire}. */
export type Misfire = z.infer<typeof Misfire>;

/** The name of a job. */
export const PollerId = z.string().regex(
  /^[a-z][a-z0-9_]{1,63}$/,
  "must be 2 to 64 of a-z, 0-9 and _, starting with a letter",
);

/** Who is told when a job keeps failing. */
export const FailureTo = z.strictObject({ channel: Slug, to: z.string().min(1).max(256) });

/** One job. */
export const PollerJob = z.strictObject({
  id: PollerId,
  /** `agent_turn`, or a kind that a microapp brings. */
  kind: z.string().regex(
    /^[a-z][a-z0-9_]{0,63}$/,
    "must be 1 to 64 of a-z, 0-9 and _, starting with a letter",
  ),
  /** Whose turns these are, or in whose name deliveries go out. */
  agent: AgentId,
  /** Absent: the agent's tenant. */
  tenant_id: optional(AccountId),
  schedule: Timetable,
  /** For the kind to read. */
  config: map(z.string(), Json),
  failure_to: optional(FailureTo),
  paused_on_boot: withDefault(z.boolean(), false),
  /** Times that were missed: none, the newest, or all of them. */
  misfire: withDefault(Misfire, "once"),
  /** A time this much later is not made up for. Absent: 1 hour for `agent_turn`, 7 days for others. */
  max_delay_secs: optional(Count.max(MAX_SECS)),
});
/** See {@linkcode PollerJob}. */
export type PollerJob = z.infer<typeof PollerJob>;

/** What `kind: agent_turn` is told in `config`. */
export const AgentTurnConfig = z.object({
  user_prompt: Text.max(32_768),
  /** Where the answer goes; absent, nowhere. */
  deliver: z.object({
    channel: Slug,
    /** @default the one instance the agent answers on this channel for the job's tenant */
    instance: Slug.optional(),
    to: z.string().min(1).max(256).optional(),
    /** Another name of `to`. */
    recipient: z.string().min(1).max(256).optional(),
  }).optional(),
});
/** See {@linkcode AgentTurnConfig}. */
export type AgentTurnConfig = z.infer<typeof AgentTurnConfig>;

/** A whole `pollers.yaml`. */
export const PollersFile = z.strictObject({
  ...schemaVersion,
  pollers: block({
    enabled: withDefault(z.boolean(), true),
    /** The most a job's time is put off, in milliseconds, so that not all start at once. */
    default_jitter_ms: withDefault(Count.max(3_600_000), 5_000),
    /** Failures in a row after which a job rests for longer. */
    breaker_threshold: withDefault(Positive.max(1_000), 5),
    /** The least time between two messages about a failing job, in seconds. */
    failure_alert_cooldown_secs: withDefault(Positive.max(MAX_SECS), 3_600),
    jobs: list(PollerJob),
    ...unused(UNUSED_POLLERS_KEYS),
  }),
});
/** See {@linkcode PollersFile}. */
export type PollersFile = z.infer<typeof PollersFile>;
/** The part of the file that says something. */
export type PollersConfig = PollersFile["pollers"];
