/**
 * `nexo schedules`: what happens at a time.
 *
 * @module
 */
import type { Command } from "commander";
import { CodedError, type Timetable } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { sayJson, sayTable } from "./print.ts";

interface ShownSchedule {
  readonly id: string;
  readonly account_id: string;
  readonly kind: string;
  readonly name: string;
  readonly agent_id: string;
  readonly state: string;
  readonly timetable: Timetable;
  readonly next_at_ms: number | null;
  readonly last_status: string | null;
  readonly last_error: string | null;
}

interface Steered {
  readonly applied: boolean;
  readonly state_before: string;
}

/** What each action does, for `--help`. */
const ACTIONS = {
  pause: "let a schedule rest; times that pass meanwhile are not made up for",
  resume: "let a paused or errored schedule go on",
  "run-now": "run a schedule once, out of turn",
  cancel: "take away what an agent scheduled",
} as const;

/** Adds the command. */
export function addScheduleCommands(program: Command, { daemon }: CliContext): void {
  const schedules = program.command("schedules")
    .description("what happens at a time: reminders, heartbeats, jobs of pollers.yaml");
  schedules.command("list").description("all of them")
    .option("--account <id>", "of one tenant").option("--json", "print an array")
    .action(async ({ account, json }: { account?: string; json?: boolean }) => {
      const { schedules: found } = await (await daemon()).call<{ schedules: ShownSchedule[] }>(
        "nexo/operator/schedules/list",
        { account },
      );
      if (json === true) return sayJson(found);
      sayTable(found, [
        ["ID", (row) => row.id],
        ["ACCOUNT", (row) => row.account_id],
        ["KIND", (row) => row.kind],
        ["NAME", (row) => row.name],
        ["AGENT", (row) => row.agent_id],
        ["WHEN", (row) => whenText(row.timetable)],
        ["STATE", (row) => row.state],
        ["NEXT", (row) => row.next_at_ms === null ? "-" : new Date(row.next_at_ms).toISOString()],
        ["LAST", (row) => row.last_status ?? "-"],
        ["WHY", (row) => row.last_error],
      ], "No schedules.");
    });
  for (const [act, says] of Object.entries(ACTIONS)) {
    schedules.command(`${act} <id>`).description(says)
      .option("--account <id>", "of one tenant").option("--json", "the same")
      .action(async (id: string, { account }: { account?: string }) => {
        const method = `nexo/operator/schedules/${act.replace("-", "_")}`;
        const answer = await (await daemon()).call<Steered>(method, { id, account });
        sayJson(answer);
        if (answer.applied) return;
        const message = `Cannot ${act} schedule "${id}": it is ${answer.state_before}`;
        throw new CodedError("conflict", message);
      });
  }
}

function whenText(timetable: Timetable): string {
  if ("at" in timetable) return `at ${timetable.at}`;
  if ("every_secs" in timetable) return `every ${timetable.every_secs} s`;
  return timetable.tz === undefined ? timetable.cron : `${timetable.cron} ${timetable.tz}`;
}
