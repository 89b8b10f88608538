/**
 * `nexo/operator/schedules/*`: everything that happens at a time, also what agents scheduled.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, CodedError } from "../contract/mod.ts";
import type { ScheduleControl } from "../schedules/control.ts";
import type { Schedule } from "../schedules/schedule.ts";
import type { ScheduleReads } from "../schedules/schedule_reads.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** What the methods need. */
export interface OperatorScheduleDeps {
  readonly reads: Pick<ScheduleReads, "list" | "listForOperator">;
  readonly control: ScheduleControl;
}

/** Returns the methods. */
export function operatorScheduleMethods({ reads, control }: OperatorScheduleDeps): AdminMethod[] {
  const list = (account: string | undefined): Promise<Schedule[]> =>
    account === undefined ? reads.listForOperator() : reads.list(account);

  /** One by its id, or by the name of its job when no other tenant has one of that name. */
  async function find(id: string, account: string | undefined): Promise<Schedule> {
    const named = (await list(account)).filter((schedule) =>
      schedule.id === id || (schedule.kind === "poller" && schedule.name === id)
    );
    const [found, ...others] = named;
    if (found !== undefined && others.length === 0) return found;
    const problem = found === undefined ? "there is none of that name" : "several have that name";
    throw new CodedError("not_found", `Cannot find schedule "${id}": ${problem}`);
  }

  return [
    operatorMethod(
      "schedules/list",
      z.object({ account: AccountId.nullish() }),
      async ({ account }) => ({ schedules: (await list(account ?? undefined)).map(shown) }),
      { unaudited: true },
    ),
    ...(["pause", "resume", "run_now", "cancel"] as const).map((act) =>
      operatorMethod(
        `schedules/${act}`,
        z.object({ id: z.string().min(1).max(64), account: AccountId.nullish() }),
        async ({ id, account }) => {
          const schedule = await find(id, account ?? undefined);
          const applied = await control[act === "run_now" ? "runNow" : act](schedule);
          return { id: schedule.id, applied, state_before: schedule.state };
        },
        { accountOf: async ({ id }) => (await find(id, undefined)).account },
      )
    ),
  ];
}

function shown(schedule: Schedule) {
  return {
    id: schedule.id,
    account_id: schedule.account,
    kind: schedule.kind,
    name: schedule.name,
    agent_id: schedule.agentId,
    state: schedule.state,
    timetable: schedule.timetable,
    misfire: schedule.misfire,
    next_at_ms: schedule.wakeAtMs,
    last_run_at_ms: schedule.lastRunAtMs,
    last_status: schedule.lastStatus,
    last_error: schedule.lastError,
    consecutive_errors: schedule.consecutiveErrors,
  };
}
