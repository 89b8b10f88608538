/**
 * `nexo/admin/pollers/*`.
 *
 * @module
 */
import { type Clock, CodedError, type PollerJob } from "../contract/mod.ts";
import { POLLER_METHODS, type PollerEntry } from "../contract/admin/pollers.ts";
import type { ScheduleControl } from "../schedules/control.ts";
import { declaredId, tenantOfJob } from "../schedules/declared.ts";
import { AGENT_TURN, agentTurnOf } from "../schedules/messages.ts";
import { MAX_SCHEDULES, type Schedule } from "../schedules/schedule.ts";
import type { ScheduleReads } from "../schedules/schedule_reads.ts";
import type { ChangeConfig, ConfigDraft } from "../settings/draft.ts";
import type { Settings } from "../settings/settings.ts";
import { timeAfter, timetableProblem } from "../settings/timetable.ts";
import { seesAgent } from "./agents.ts";
import {
  type AdminMethod,
  type Call,
  type Handlers,
  methodsOf,
  notGranted,
  sees,
  tenantForWriting,
} from "./method.ts";
import { isMap, literal, literalJson, mapAt, type RawMap, readMap } from "./raw_config.ts";

const FILE = "pollers.yaml";

/** What the poller methods need. */
export interface PollerMethodDeps {
  readonly settings: () => Settings;
  readonly changeConfig: ChangeConfig;
  readonly reads: Pick<ScheduleReads, "find" | "count">;
  readonly control: ScheduleControl;
  /** Brings the schedules in line with a config that changed. */
  readonly align: () => Promise<void>;
  /** The microapp that brings jobs of `kind` for a tenant. */
  readonly pollerOf: (kind: string, account: string) => string | undefined;
  readonly now: Clock;
}

type Upsert = Parameters<Handlers<typeof POLLER_METHODS>["nexo/admin/pollers/upsert"]>[0];

/** Returns the methods on jobs. */
export function pollerMethods(deps: PollerMethodDeps): AdminMethod[] {
  const { settings, changeConfig, reads, control } = deps;

  /** A job this call may see. */
  function visible(id: string, call: Call): PollerJob | undefined {
    const job = settings().pollers.jobs.find((each) => each.id === id);
    return job !== undefined && seesJob(job, settings(), call) ? job : undefined;
  }

  function ownerOf({ id }: { id: string }): string | undefined {
    const job = settings().pollers.jobs.find((each) => each.id === id);
    return job === undefined ? undefined : tenantOfJob(job, settings());
  }

  function found(id: string, call: Call): PollerJob {
    const job = visible(id, call);
    if (job === undefined) throw new CodedError("not_found", `poller \`${id}\``);
    return job;
  }

  async function scheduleOf(job: PollerJob): Promise<Schedule | undefined> {
    const account = tenantOfJob(job, settings());
    return account === undefined
      ? undefined
      : reads.find(account, declaredId("poller", account, job.id));
  }

  async function entriesOf(jobs: readonly PollerJob[]): Promise<PollerEntry[]> {
    const { result: content } = await changeConfig((draft) => readMap(draft, FILE));
    return Promise.all(jobs.map(async (job) =>
      entry(job, tenantOfJob(job, settings()), {
        written: findJob(content, job.id)?.["config"],
        schedule: await scheduleOf(job),
      })
    ));
  }

  async function entryOf(job: PollerJob): Promise<PollerEntry> {
    const [only] = await entriesOf([job]);
    if (only === undefined) throw new TypeError(`poller "${job.id}" has no entry`);
    return only;
  }

  async function steer(
    id: string,
    call: Call,
    act: (schedule: Schedule) => Promise<boolean>,
  ): Promise<{ readonly applied: boolean; readonly after: Schedule | undefined }> {
    const job = found(id, call);
    const schedule = await scheduleOf(job);
    if (schedule === undefined) {
      throw new CodedError(
        "not_found",
        `poller \`${id}\` rests: nothing says for which tenant it runs`,
      );
    }
    const applied = await act(schedule);
    return { applied, after: await scheduleOf(job) };
  }

  return methodsOf(POLLER_METHODS, {
    async "nexo/admin/pollers/list"({ agent_id, kind, tenant_id }, call) {
      const jobs = settings().pollers.jobs.filter((job) =>
        seesJob(job, settings(), call) &&
        (agent_id == null || job.agent === agent_id) && (kind == null || job.kind === kind) &&
        (tenant_id === undefined || tenantOfJob(job, settings()) === tenant_id)
      );
      return { pollers: (await entriesOf(jobs)).sort((a, b) => a.id < b.id ? -1 : 1) };
    },

    "nexo/admin/pollers/get": ({ id }, call) => entryOf(found(id, call)),

    async "nexo/admin/pollers/upsert"(params, call) {
      await check(params, call);
      const { result: created, settings: next } = await changeConfig((draft) =>
        writeJob(draft, params, call)
      );
      await deps.align();
      const job = next.pollers.jobs.find(({ id }) => id === params.id);
      if (job === undefined) throw new TypeError(`poller "${params.id}" was not written`);
      return { entry: await entryOf(job), created, config_version: next.version };
    },

    async "nexo/admin/pollers/delete"({ id }, call) {
      if (visible(id, call) === undefined) {
        return { removed: false, config_version: settings().version };
      }
      const { settings: next } = await changeConfig((draft) => removeJob(draft, id));
      await deps.align();
      return { removed: true, config_version: next.version };
    },

    async "nexo/admin/pollers/pause"({ id }, call) {
      const { applied, after } = await steer(id, call, control.pause);
      return { id, applied, new_state: stateOf(after) };
    },

    async "nexo/admin/pollers/resume"({ id }, call) {
      const { applied, after } = await steer(id, call, control.resume);
      return { id, applied, new_state: stateOf(after) };
    },

    async "nexo/admin/pollers/run_now"({ id }, call) {
      const { applied } = await steer(id, call, control.runNow);
      return { id, applied, new_state: "running_now" as const };
    },
  }, {
    "nexo/admin/pollers/get": ownerOf,
    "nexo/admin/pollers/upsert": (params) => tenantOfJob(params, settings()),
    "nexo/admin/pollers/delete": ownerOf,
    "nexo/admin/pollers/pause": ownerOf,
    "nexo/admin/pollers/resume": ownerOf,
    "nexo/admin/pollers/run_now": ownerOf,
  });

  /** @throws when the job may not be written, or could not run */
  async function check(params: Upsert, call: Call): Promise<void> {
    const current = settings();
    const before = current.pollers.jobs.find(({ id }) => id === params.id);
    const agent = current.agents.get(params.agent);
    if (before !== undefined && !seesJob(before, current, call)) throw notGranted(call);
    const account = tenantForWriting(params.tenant_id, call);
    if (agent === undefined || !seesAgent(agent, current, call)) {
      throw invalid(`agent \`${params.agent}\` not in yaml`);
    }
    const job = { ...params, tenant_id: account ?? before?.tenant_id };
    const owner = tenantOfJob({ agent: params.agent, tenant_id: job.tenant_id }, current);
    if (owner === undefined) throw invalid(`tenant_id is missing: agent \`${agent.id}\` has none`);
    const problem = timetableProblem(params.schedule);
    if (problem !== undefined) throw invalid(`schedule: ${problem}`);
    if (timeAfter(params.schedule, deps.now(), deps.now()) === undefined) {
      throw invalid("schedule: the time has passed");
    }
    if (params.kind === AGENT_TURN) {
      const config = params.config ?? before?.config ?? {};
      const turn = agentTurnOf({ id: params.id, agent: params.agent, config }, owner, current);
      if ("problem" in turn) throw invalid(turn.problem);
    } else if (deps.pollerOf(params.kind, owner) === undefined) {
      throw invalid(`kind \`${params.kind}\` is brought by no microapp of this tenant`);
    }
    if (before === undefined && await reads.count(owner) >= MAX_SCHEDULES) {
      throw invalid(`tenant has ${MAX_SCHEDULES} schedules already`);
    }
  }
}

function invalid(message: string): CodedError {
  return new CodedError("invalid_params", message);
}

function seesJob(job: PollerJob, settings: Settings, call: Call): boolean {
  const account = tenantOfJob(job, settings);
  return account === undefined ? call.tenants === "all" : sees(call, account);
}

function stateOf(schedule: Schedule | undefined): "running" | "paused" | "errored" {
  const state = schedule?.state;
  return state === "paused" || state === "errored" ? state : "running";
}

function entry(
  job: PollerJob,
  account: string | undefined,
  { written, schedule }: { readonly written: unknown; readonly schedule: Schedule | undefined },
): PollerEntry {
  return {
    id: job.id,
    kind: job.kind,
    agent: job.agent,
    ...(account === undefined ? {} : { tenant_id: account }),
    schedule: job.schedule,
    config: asWritten(written, job.config) as PollerEntry["config"],
    ...(job.failure_to === undefined ? {} : { failure_to: job.failure_to }),
    misfire: job.misfire,
    paused_on_boot: job.paused_on_boot,
    paused: schedule?.state === "paused",
    ...(schedule?.lastRunAtMs == null ? {} : { last_run_at_ms: schedule.lastRunAtMs }),
    ...(schedule?.wakeAtMs == null ? {} : { next_run_at_ms: schedule.wakeAtMs }),
    ...(schedule?.lastStatus == null ? {} : { last_status: schedule.lastStatus }),
    ...(schedule?.lastError == null ? {} : { last_error: schedule.lastError }),
    consecutive_errors: schedule?.consecutiveErrors ?? 0,
    items_seen_total: schedule?.itemsSeen ?? 0,
    items_dispatched_total: schedule?.itemsDispatched ?? 0,
  };
}

/** A value with every text that was filled in from elsewhere as it stands in the file. */
function asWritten(written: unknown, value: unknown): unknown {
  if (typeof value === "string") {
    return typeof written === "string" && written !== literal(value) ? written : value;
  }
  if (Array.isArray(value)) {
    const items: readonly unknown[] = Array.isArray(written) ? written : [];
    return value.map((item, i) => asWritten(items[i], item));
  }
  if (!isMap(value)) return value;
  const members = isMap(written) ? written : {};
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, asWritten(members[key], item)]),
  );
}

function jobsIn(content: RawMap): unknown[] {
  const pollers = mapAt(content, "pollers");
  if (!Array.isArray(pollers["jobs"])) pollers["jobs"] = [];
  return pollers["jobs"] as unknown[];
}

function findJob(content: RawMap, id: string): RawMap | undefined {
  return jobsIn(content).filter(isMap).find((job) => job["id"] === id);
}

/** Writes what was given and keeps the rest; returns whether the job is new. */
async function writeJob(draft: ConfigDraft, params: Upsert, call: Call): Promise<boolean> {
  const content = await readMap(draft, FILE);
  const known = findJob(content, params.id);
  const job: RawMap = known ?? { id: params.id };
  if (known === undefined) jobsIn(content).push(job);
  job["kind"] = literal(params.kind);
  job["agent"] = params.agent;
  const account = tenantForWriting(params.tenant_id, call);
  if (account !== undefined) job["tenant_id"] = account;
  job["schedule"] = literalJson(params.schedule);
  if (params.config != null) {
    const { user_prompt: prompt } = params.config;
    const config = literalJson(params.config) as RawMap;
    // Prompts are never filled in, so there is nothing to keep out of them.
    job["config"] = prompt === undefined ? config : { ...config, user_prompt: prompt };
  }
  if (params.failure_to != null) job["failure_to"] = literalJson(params.failure_to);
  if (params.misfire != null) job["misfire"] = params.misfire;
  if (params.max_delay_secs != null) job["max_delay_secs"] = params.max_delay_secs;
  if (params.paused_on_boot != null) job["paused_on_boot"] = params.paused_on_boot;
  await draft.write(FILE, content);
  return known === undefined;
}

async function removeJob(draft: ConfigDraft, id: string): Promise<void> {
  const content = await readMap(draft, FILE);
  mapAt(content, "pollers")["jobs"] = jobsIn(content)
    .filter((job) => !isMap(job) || job["id"] !== id);
  await draft.write(FILE, content);
}
