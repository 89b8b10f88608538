/**
 * The built-in tool `schedule`: an agent's reminders for the conversation it is in.
 *
 * @module
 */
import { z } from "zod";
import type { Tool, ToolContext, ToolReply } from "../agents/tool_gate.ts";
import { type Clock, type ConversationKey, Timetable } from "../contract/mod.ts";
import { timeAfter, timetableProblem } from "../settings/timetable.ts";
import type { Sealer } from "../store/sealer.ts";
import { MAX_SCHEDULES, type Schedule, type ScheduleSpec } from "./schedule.ts";
import { type ScheduleReads, sealNote } from "./schedule_reads.ts";
import { rowsForDeleted, rowsForNew } from "./schedule_rows.ts";

/** The most reminders of one conversation. */
export const MAX_REMINDERS = 20;
/** The least time between two of a reminder that comes again, in milliseconds. */
const MIN_PERIOD_MS = 60_000;
const MAX_AHEAD_MS = 366 * 86_400_000;
/** How late a reminder is still told, in milliseconds. */
const ONCE_DELAY_MS = 86_400_000;
const AGAIN_DELAY_MS = 3_600_000;
const NAME_CHARS = 80;

const Arguments = z.discriminatedUnion("action", [
  z.object({
    action: z.literal("create"),
    text: z.string().trim().min(1).max(2_000),
    at: z.string().optional(),
    in_secs: z.int().positive().optional(),
    every_secs: z.int().positive().optional(),
    cron: z.string().optional(),
    tz: z.string().optional(),
  }),
  z.object({ action: z.literal("list") }),
  z.object({ action: z.literal("cancel"), id: z.string() }),
]);

/** What the model is told of the arguments. */
const INPUT_SCHEMA = {
  type: "object",
  properties: {
    action: { type: "string", enum: ["create", "list", "cancel"] },
    text: { type: "string", description: "create: what to do or say when the time comes" },
    at: { type: "string", description: "create: once, at an RFC 3339 time with offset" },
    in_secs: { type: "integer", minimum: 1, description: "create: once, so many seconds from now" },
    every_secs: { type: "integer", minimum: 60, description: "create: again and again" },
    cron: { type: "string", description: "create: again and again, by five cron fields" },
    tz: { type: "string", description: "create: the IANA time zone of cron; UTC when absent" },
    id: { type: "string", description: "cancel: which one, as list says" },
  },
  required: ["action"],
  additionalProperties: false,
} as const;

/** What the tool needs. */
export interface ScheduleToolDeps {
  readonly reads: ScheduleReads;
  readonly sealer: Sealer;
  readonly sessionIdOf: (key: ConversationKey) => string;
  readonly redact: (text: string) => string;
  /** Called when there is a new time to keep. */
  readonly onNew: () => void;
  readonly now: Clock;
}

/** Returns the tool. */
export function scheduleTool(deps: ScheduleToolDeps): Tool {
  const { reads, now } = deps;

  async function create(
    args: z.infer<typeof Arguments> & { action: "create" },
    { account, callId, inbound: { key, chat, reply_address } }: ToolContext,
  ): Promise<ToolReply> {
    const timetable = timetableOf(args, now());
    if (typeof timetable === "string") return refused(timetable);
    const nextAtMs = timeAfter(timetable, now(), now());
    if (nextAtMs === undefined) return refused("the time has passed");
    const problem = periodProblem(timetable, nextAtMs, now());
    if (problem !== undefined) return refused(problem);
    const sessionId = deps.sessionIdOf(key);
    if ((await reads.ofSession(account, sessionId)).length >= MAX_REMINDERS) {
      return refused(`this conversation has ${MAX_REMINDERS} reminders already; cancel one`);
    }
    if (await reads.count(account) >= MAX_SCHEDULES) {
      return refused("there are too many schedules already");
    }
    const isOnce = "at" in timetable;
    const spec: ScheduleSpec = {
      id: callId,
      account,
      kind: "reminder",
      name: deps.redact(args.text).slice(0, NAME_CHARS),
      agentId: key.agent_id,
      sessionId,
      timetable,
      misfire: "once",
      maxDelayMs: isOnce ? ONCE_DELAY_MS : AGAIN_DELAY_MS,
      jitterMs: 0,
    };
    const note = sealNote(deps.sealer, spec, { key, text: args.text, chat, reply_address });
    return {
      ok: true,
      text: JSON.stringify({ id: spec.id, next_at: new Date(nextAtMs).toISOString() }),
      writes: rowsForNew(spec, { nextAtMs, paused: false, note, nowMs: now() }),
      onWritten: deps.onNew,
    };
  }

  async function describe(schedule: Schedule) {
    const { account, id, timetable, nextAtMs, state } = schedule;
    return {
      id,
      text: (await reads.noteOf(account, id))?.text,
      next_at: nextAtMs === null ? null : new Date(nextAtMs).toISOString(),
      repeats: !("at" in timetable),
      state,
    };
  }

  return {
    name: "schedule",
    ownName: "schedule",
    microappId: undefined,
    account: null,
    description:
      "Schedules something for this conversation: when the time comes, you are told the text and can " +
      "act on it or write to the person. Lists and cancels what you scheduled here.",
    inputSchema: INPUT_SCHEMA,
    async call(given, context) {
      const { account, inbound: { key } } = context;
      const args = Arguments.safeParse(given);
      if (!args.success) return refused(args.error.issues[0]?.message ?? "wrong arguments");
      if (key.channel === "delegation") return refused("nobody waits in this conversation");
      const own = () => reads.ofSession(account, deps.sessionIdOf(key));
      switch (args.data.action) {
        case "create":
          return create(args.data, context);
        case "list": {
          const reminders = await Promise.all((await own()).map(describe));
          return { ok: true, text: JSON.stringify({ reminders }) };
        }
        case "cancel": {
          const { id } = args.data;
          const found = (await own()).find((schedule) => schedule.id === id);
          if (found === undefined) return refused(`there is no reminder "${id}" here`);
          return { ok: true, text: "cancelled", writes: rowsForDeleted(found) };
        }
      }
    },
  };
}

function refused(reason: string): ToolReply {
  return { ok: false, text: `error: ${reason}` };
}

/** The timetable that was asked for, or what is wrong with it. */
function timetableOf(
  { at, in_secs, every_secs, cron, tz }: z.infer<typeof Arguments> & { action: "create" },
  nowMs: number,
): Timetable | string {
  const given = [at, in_secs, every_secs, cron].filter((value) => value !== undefined);
  if (given.length !== 1) return "give one of at, in_secs, every_secs and cron";
  const asked = in_secs !== undefined
    ? { at: new Date(nowMs + Math.min(in_secs * 1_000, 2 * MAX_AHEAD_MS)).toISOString() }
    : at !== undefined
    ? { at }
    : every_secs !== undefined
    ? { every_secs }
    : { cron, tz };
  const timetable = Timetable.safeParse(asked);
  if (!timetable.success) {
    return "at must be an RFC 3339 time with an offset, such as 2030-01-31T09:00:00+01:00";
  }
  return timetableProblem(timetable.data) ?? timetable.data;
}

function periodProblem(timetable: Timetable, nextAtMs: number, nowMs: number): string | undefined {
  if (nextAtMs > nowMs + MAX_AHEAD_MS) return "the time is more than a year ahead";
  const second = timeAfter(timetable, nextAtMs, nextAtMs);
  return second !== undefined && second - nextAtMs < MIN_PERIOD_MS
    ? "a reminder may come once a minute at most"
    : undefined;
}
