/**
 * `nexo usage`: what models used, for people, programs and bills.
 *
 * @module
 */
import { type Command, Option } from "commander";
import { CodedError } from "../contract/mod.ts";
import type { UsageRow } from "../models/budget/usage.ts";
import type { CliContext } from "./command.ts";
import { moment } from "./moment.ts";
import { say, sayJson, sayTable } from "./print.ts";

const DAY_MS = 86_400_000;
const MICROS = 1_000_000;

/** The columns of a CSV, in its order. Names never change; new ones come last. */
const CSV_COLUMNS = [
  "account_id",
  "day",
  "agent_id",
  "provider",
  "model",
  "calls",
  "failed_calls",
  "tokens_in",
  "tokens_out",
  "tokens_cached",
  "cost_usd",
  "unknown_calls",
  "unknown_tokens",
  "unknown_usd",
] as const;

interface UsageOptions {
  readonly account?: string;
  readonly since?: number;
  readonly until?: number;
  readonly by: "day" | "agent" | "model";
  readonly format: "csv" | "json" | "table";
  readonly json?: boolean;
}

/** Adds the command. */
export function addUsageCommand(program: Command, { daemon }: CliContext): void {
  program.command("usage").description("tokens and money models used, by UTC day")
    .option("--account <id>", "only this tenant")
    .option("--since <when>", "a date such as 2026-01-31, or a duration such as 7d", moment)
    .option("--until <when>", "up to this day, included", moment)
    .addOption(
      new Option("--by <key>", "one line for each").choices(["day", "agent", "model"]).default(
        "day",
      ),
    )
    .addOption(
      new Option("--format <format>", "how to print it").choices(["csv", "json", "table"]).default(
        "table",
      ),
    )
    .option("--json", "same as --format json")
    .action(async ({ account, since, until, by, format, json }: UsageOptions) => {
      if (since !== undefined && until !== undefined && until < since) {
        throw new CodedError("usage", "Cannot show usage: --until is before --since");
      }
      const { usage } = await (await daemon()).call<{ usage: UsageRow[] }>("usage/list", {
        account,
        since_ms: since ?? Date.now() - 30 * DAY_MS,
        until_ms: until,
        by,
      });
      if (json === true || format === "json") return sayJson(usage.map(inUsd));
      if (format === "csv") return sayCsv(usage);
      sayTable(usage.map(inUsd), [
        ["TENANT", (row) => row.account_id],
        [by.toUpperCase(), keyOf],
        ["CALLS", (row) => row.calls],
        ["FAILED", (row) => row.failed_calls],
        ["IN", (row) => row.tokens_in],
        ["OUT", (row) => row.tokens_out],
        ["CACHED", (row) => row.tokens_cached],
        ["USD", (row) => row.cost_usd.toFixed(4)],
        ["UNKNOWN", (row) => row.unknown_tokens],
      ], "No usage yet.");
    });
}

type ShownRow = ReturnType<typeof inUsd>;

function inUsd({ cost_micros, unknown_micros, ...row }: UsageRow) {
  return { ...row, cost_usd: cost_micros / MICROS, unknown_usd: unknown_micros / MICROS };
}

function keyOf({ day, agent_id, provider, model }: ShownRow): string {
  return day ?? agent_id ?? `${provider}/${model}`;
}

function sayCsv(usage: readonly UsageRow[]): void {
  say(CSV_COLUMNS.join());
  for (const row of usage.map(inUsd)) say(CSV_COLUMNS.map((key) => csvCell(row[key])).join());
}

/** RFC 4180; a leading sign or `=` would be a formula to a spreadsheet. */
function csvCell(value: string | number | null): string {
  if (typeof value !== "string") return String(value ?? "");
  const text = /^[=+\-@\t]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
