/**
 * What people do to schedules: pause, let go on, run now, cancel.
 *
 * @module
 */
import { type Clock, CodedError } from "../contract/mod.ts";
import { timeAfter } from "../settings/timetable.ts";
import type { Store } from "../store/store.ts";
import type { Schedule } from "./schedule.ts";
import { rowsForDeleted, rowsForForced, rowsForState } from "./schedule_rows.ts";

/** Changes single schedules. Each says whether it changed anything. */
export interface ScheduleControl {
  readonly pause: (schedule: Schedule) => Promise<boolean>;
  /** Times that passed meanwhile are not made up for; what had failed for good is tried again. */
  readonly resume: (schedule: Schedule) => Promise<boolean>;
  /** Once, out of turn, also when it is paused. */
  readonly runNow: (schedule: Schedule) => Promise<boolean>;
  /** Takes a reminder away. @throws {CodedError} `invalid_params` for one that the config declares */
  readonly cancel: (schedule: Schedule) => Promise<boolean>;
}

/** Returns the control; `onDue` hears when there may be something to do. */
export function createScheduleControl(
  { store, now, onDue }: { readonly store: Store; readonly now: Clock; readonly onDue: () => void },
): ScheduleControl {
  return {
    async pause(schedule) {
      if (schedule.state !== "active") return false;
      await store.commit(rowsForState(schedule, "paused", schedule.nextAtMs));
      return true;
    },
    async resume(schedule) {
      if (schedule.state !== "paused" && schedule.state !== "errored") return false;
      const next = timeAfter(schedule.timetable, now(), schedule.nextAtMs ?? now());
      const state = next === undefined ? "done" : "active";
      await store.commit(rowsForState(schedule, state, next ?? null));
      onDue();
      return state === "active";
    },
    async runNow(schedule) {
      await store.commit(rowsForForced(schedule, now()));
      onDue();
      return true;
    },
    async cancel(schedule) {
      if (schedule.kind !== "reminder") {
        const message =
          `"${schedule.name}" is declared in the config; pause it, or remove it there`;
        throw new CodedError("invalid_params", message);
      }
      await store.commit(rowsForDeleted(schedule));
      return true;
    },
  };
}
