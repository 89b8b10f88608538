/**
 * Time as a source of messages: the schedules of one core, kept in line with its config.
 *
 * @module
 */
import { codeOf } from "../contract/mod.ts";
import { createInTurn } from "../flow/in_turn.ts";
import type { Settings } from "../settings/settings.ts";
import { alignedRows, HEARTBEAT } from "./declared.ts";
import {
  AGENT_TURN,
  agentTurnOf,
  heartbeatText,
  jobOf,
  reminderText,
  timerInbound,
  timerKey,
  type TimerWords,
} from "./messages.ts";
import { createPoll, type PollDeps } from "./polls.ts";
import { openRunner, type RunnerDeps } from "./runner.ts";
import type { Schedule } from "./schedule.ts";

/** What keeping schedules needs. */
export interface SchedulesDeps
  extends PollDeps, Omit<RunnerDeps, "isReady" | "looksOutside" | "messageAt" | "poll"> {}

/** The running schedules. Disposing stops; what is due stays due. */
export interface Schedules extends AsyncDisposable {
  /** Brings the table in line with the config and begins. */
  readonly start: () => Promise<void>;
  /** Brings the table in line with a config that changed. */
  readonly align: () => Promise<void>;
  /** Looks at what is due now. */
  readonly wake: () => void;
  /** Keeps what is due; resolves when it is on record. */
  readonly tick: () => Promise<void>;
}

/** Returns schedules that stand still until they are started. */
export function openSchedules(deps: SchedulesDeps): Schedules {
  const { store, reads, settings, now, log } = deps;

  /** Two at once would make the same schedules. */
  const inTurn = createInTurn();
  const align = (options: { booting: boolean }): Promise<void> => inTurn(() => alignNow(options));

  async function alignNow({ booting }: { booting: boolean }): Promise<void> {
    const known = await reads.declaredForOperator();
    const units = alignedRows(known, settings(), { nowMs: now(), booting });
    const results = await Promise.allSettled(units.map((unit) => store.commit(unit)));
    for (const result of results) {
      if (result.status === "fulfilled") continue;
      log.error("schedules.not_aligned", { code: codeOf(result.reason) });
    }
  }

  const runner = openRunner({
    ...deps,
    isReady: (schedule) => isReady(schedule, settings()),
    looksOutside: (schedule) => {
      const job = jobOf(schedule, settings());
      return job !== undefined && job.kind !== AGENT_TURN;
    },
    poll: createPoll(deps),
    async messageAt(schedule, slotMs) {
      const said = await saidBy(schedule, slotMs);
      return said === undefined ? undefined : timerInbound(deps.uuid(), said, slotMs);
    },
  });

  async function saidBy(schedule: Schedule, slotMs: number): Promise<TimerWords | undefined> {
    const { kind, account, agentId, id } = schedule;
    if (kind === "reminder") {
      const note = await reads.noteOf(account, id);
      return note && { ...note, text: reminderText(note.text) };
    }
    if (kind === "heartbeat") {
      return { key: timerKey(account, agentId, HEARTBEAT), text: heartbeatText(slotMs) };
    }
    const job = jobOf(schedule, settings());
    const turn = job && agentTurnOf(job, account, settings());
    if (turn === undefined || "problem" in turn) {
      log.warn("schedule.unusable", { id, account, problem: turn?.problem });
      return undefined;
    }
    return turn;
  }

  return {
    async start() {
      await align({ booting: true });
      await runner.start();
    },
    async align() {
      await align({ booting: false });
      runner.wake();
    },
    wake: runner.wake,
    tick: runner.tick,
    [Symbol.asyncDispose]: () => runner[Symbol.asyncDispose](),
  };
}

/** Whether whom a schedule is for is there and active. */
function isReady(schedule: Schedule, settings: Settings): boolean {
  const { account, agentId, kind } = schedule;
  const agent = settings.agents.get(agentId);
  return settings.tenants.get(account)?.active === true && agent?.active === true &&
    (agent.tenant_id === undefined || agent.tenant_id === account) &&
    (kind !== "poller" || (settings.pollers.enabled && jobOf(schedule, settings) !== undefined));
}
