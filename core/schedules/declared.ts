/**
 * The schedules that the config declares, and how the table is brought in line with them.
 *
 * @module
 */
import { type AgentConfig, DEFAULT_ACCOUNT, type PollerJob, uuidOf } from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import type { Settings } from "../settings/settings.ts";
import { timeAfter } from "../settings/timetable.ts";
import type { Write } from "../store/store.ts";
import { AGENT_TURN } from "./messages.ts";
import type { Schedule, ScheduleKind, ScheduleSpec } from "./schedule.ts";
import { rowsForChanged, rowsForDeleted, rowsForNew, timetableText } from "./schedule_rows.ts";

/** How late a turn is still worth running, unless the job says otherwise, in milliseconds. */
const TURN_DELAY_MS = 3_600_000;
/** How late a look outside is still worth making; it goes on from where the last one ended. */
const POLL_DELAY_MS = 7 * 86_400_000;
/** What an agent's heartbeat is called. */
export const HEARTBEAT = "heartbeat";

/** A schedule of the config. */
interface Declared {
  readonly spec: ScheduleSpec;
  readonly pausedOnBoot: boolean;
}

/** The id of a declared schedule: the same for the same name, for ever. */
export function declaredId(kind: ScheduleKind, account: string, name: string): string {
  return uuidOf(sha256, "schedule", kind, account, name);
}

/** The tenant an agent works for when no channel says it. */
export function tenantOfAgent(
  agent: Pick<AgentConfig, "tenant_id">,
  settings: Pick<Settings, "singleTenant">,
): string | undefined {
  return agent.tenant_id ?? (settings.singleTenant ? DEFAULT_ACCOUNT : undefined);
}

/** The tenant of a job. */
export function tenantOfJob(
  job: Pick<PollerJob, "agent" | "tenant_id">,
  settings: Settings,
): string | undefined {
  const agent = settings.agents.get(job.agent);
  return job.tenant_id ?? (agent === undefined ? undefined : tenantOfAgent(agent, settings));
}

function* heartbeats(settings: Settings): Generator<Declared> {
  for (const agent of settings.agents.values()) {
    const account = tenantOfAgent(agent, settings);
    if (!agent.heartbeat.enabled || account === undefined) continue;
    yield {
      spec: {
        id: declaredId("heartbeat", account, agent.id),
        account,
        kind: "heartbeat",
        name: HEARTBEAT,
        agentId: agent.id,
        sessionId: null,
        timetable: { every_secs: Math.max(1, Math.round(agent.heartbeat.interval_ms / 1_000)) },
        misfire: "skip",
        maxDelayMs: 0,
        jitterMs: 0,
      },
      pausedOnBoot: false,
    };
  }
}

function* jobs(settings: Settings): Generator<Declared> {
  const { pollers } = settings;
  for (const job of pollers.jobs) {
    const account = tenantOfJob(job, settings);
    if (account === undefined) continue;
    const delayMs = job.kind === AGENT_TURN ? TURN_DELAY_MS : POLL_DELAY_MS;
    yield {
      spec: {
        id: declaredId("poller", account, job.id),
        account,
        kind: "poller",
        name: job.id,
        agentId: job.agent,
        sessionId: null,
        timetable: job.schedule,
        misfire: job.misfire,
        maxDelayMs: job.max_delay_secs === undefined ? delayMs : job.max_delay_secs * 1_000,
        jitterMs: job.schedule.stagger_jitter_ms ?? pollers.default_jitter_ms,
      },
      pausedOnBoot: job.paused_on_boot,
    };
  }
}

/**
 * The writes that make `known` what the config declares; each unit is one schedule. A job whose agent
 * is not there just now keeps its row: with it would go how far it has come.
 */
export function alignedRows(
  known: readonly Schedule[],
  settings: Settings,
  { nowMs, booting }: { readonly nowMs: number; readonly booting: boolean },
): Write[][] {
  const declared = [...heartbeats(settings), ...jobs(settings)];
  const before = new Map(known.map((schedule) => [schedule.id, schedule]));
  const wanted = new Set(declared.map(({ spec }) => spec.id));
  const homeless = new Set(
    settings.pollers.jobs.filter((job) => tenantOfJob(job, settings) === undefined)
      .map(({ id }) => id),
  );
  const gone = known
    .filter(({ id, kind, name }) => !wanted.has(id) && !(kind === "poller" && homeless.has(name)))
    .map(rowsForDeleted);
  const kept = declared.flatMap(({ spec, pausedOnBoot }) => {
    const schedule = before.get(spec.id);
    const nextAtMs = timeAfter(spec.timetable, nowMs, nowMs);
    if (schedule === undefined) {
      return [rowsForNew(spec, { nextAtMs, paused: pausedOnBoot, note: null, nowMs })];
    }
    const pauses = booting && pausedOnBoot && schedule.state === "active";
    if (pauses) return [rowsForChanged({ ...schedule, state: "paused" }, spec, nextAtMs)];
    return isSame(schedule, spec) ? [] : [rowsForChanged(schedule, spec, nextAtMs)];
  });
  return [...gone, ...kept];
}

function isSame(schedule: Schedule, spec: ScheduleSpec): boolean {
  return schedule.agentId === spec.agentId && schedule.misfire === spec.misfire &&
    schedule.maxDelayMs === spec.maxDelayMs && schedule.jitterMs === spec.jitterMs &&
    timetableText(schedule.timetable) === timetableText(spec.timetable);
}
