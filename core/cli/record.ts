/**
 * `nexo turns | events | inbox | dlq`: what happened, and second chances.
 *
 * @module
 */
import { type Command, InvalidArgumentError, Option } from "commander";
import { AgentEventKindName } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { moment } from "./moment.ts";
import { say, sayJson, sayTable, showCell, showTime } from "./print.ts";

type Fields = Readonly<Record<string, unknown>>;

/** The longest reason in a table, in characters. */
const WHY_CHARS = 32;
/** How long one question for new events waits at the daemon, in milliseconds. */
const TAIL_WAIT_MS = 25_000;

/** A whole number of at least 1. */
export function count(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) {
    throw new InvalidArgumentError("must be a whole number ≥ 1");
  }
  return value;
}

/** Adds the commands that read the record. */
export function addRecordCommands(program: Command, context: CliContext): void {
  addTurns(program, context);
  addEvents(program, context);
  addInbox(program, context);
  addDlq(program, context);
}

function addTurns(program: Command, { daemon }: CliContext): void {
  const turns = program.command("turns").description("finished turns");
  turns.command("tail").description("the newest turns, newest first")
    .option("--account <id>", "only this tenant")
    .option("--agent <id>", "only this agent's")
    .addOption(
      new Option("--outcome <outcome>", "only those that ended so")
        .choices(["ok", "error", "refused"]),
    )
    .option("--since <when>", "a date such as 2026-01-31, or a duration such as 7d", moment)
    .option("--cursor <cursor>", "the end of the page before", count)
    .option("--limit <n>", "at most this many", count, 50)
    .option("--json", "print an array")
    .action(
      async ({ since, json, ...filter }: TailOptions) => {
        const page = await (await daemon()).call<{ turns: Fields[]; cursor?: number }>(
          "turns/tail",
          { ...filter, since_ms: since },
        );
        const rows = page.turns;
        if (page.cursor !== undefined) process.stderr.write(`more: --cursor ${page.cursor}\n`);
        if (json === true) return sayJson(rows);
        sayTable(rows, [
          ["FINISHED", (row) => showTime(row["finished_at_ms"])],
          ["TENANT", (row) => row["account_id"]],
          ["AGENT", (row) => row["agent_id"]],
          ["BINDING", (row) => row["binding_id"]],
          ["OUTCOME", (row) => row["outcome"]],
          ["WHY", (row) => whyOf(row["error"])],
          ["TOOLS", (row) => row["tool_calls"]],
          ["TOKENS", (row) => Number(row["tokens_in"]) + Number(row["tokens_out"])],
          ["MS", (row) => row["duration_ms"]],
          ["TURN", (row) => row["turn_id"]],
        ], "No turns yet.");
      },
    );
}

/** The code an error begins with, or the beginning of its words; `--json` has all of it. */
function whyOf(error: unknown): string {
  if (typeof error !== "string") return "";
  const [code] = /^[a-z_]+(?=:|$)/.exec(error) ?? [];
  return code ?? (error.length <= WHY_CHARS ? error : `${error.slice(0, WHY_CHARS - 1)}…`);
}

interface TailOptions {
  readonly account?: string;
  readonly agent?: string;
  readonly outcome?: string;
  readonly since?: number;
  readonly cursor?: number;
  readonly limit: number;
  readonly json?: boolean;
}

interface EventPage {
  events: Fields[];
  cursor: number;
}

function addEvents(program: Command, { daemon, signal }: CliContext): void {
  const events = program.command("events").description("the event log");
  const options = (command: Command): Command =>
    command.option("--account <id>", "only this tenant")
      .addOption(
        new Option("--kind <kind>", "only this kind, such as turn_finished").argParser(eventKind),
      )
      .option("--limit <n>", "at most this many", count, 50).option("--json", "print JSON");

  options(events.command("list").description("the newest events, oldest first")).action(
    async ({ account, kind, limit, json }) => {
      const page = await (await daemon()).call<EventPage>("events/list", { account, kind, limit });
      if (json === true) return sayJson(page.events);
      page.events.forEach(sayEvent);
      if (page.events.length === 0) say("No events yet.");
    },
  );
  options(events.command("tail").description("events as they happen; with --json one a line"))
    .action(async ({ account, kind, limit, json }) => {
      const client = await daemon();
      const show = json === true ? (event: Fields) => say(JSON.stringify(event)) : sayEvent;
      let page = await client.call<EventPage>("events/list", { account, kind, limit });
      try {
        for (;;) {
          page.events.forEach(show);
          page = await client.call<EventPage>("events/list", {
            account,
            kind,
            after: page.cursor,
            wait_ms: TAIL_WAIT_MS,
            limit,
          });
        }
      } catch (error) {
        // Until it is interrupted is what was asked for.
        if (!signal.aborted) throw error;
      }
    });
}

function eventKind(text: string): string {
  const known: readonly string[] = AgentEventKindName.options;
  if (known.includes(text)) return text;
  throw new InvalidArgumentError(`must be one of ${known.toSorted().join(", ")}`);
}

function sayEvent({ kind, tenant_id, agent_id, at_ms, sent_at_ms, ...rest }: Fields): void {
  const subject = rest["body"] ?? rest["tool"] ?? rest["budget"] ?? rest["source_id"] ??
    rest["microapp_id"] ?? rest["name"] ?? "";
  const spent = rest["budget"] === undefined
    ? ""
    : `${showCell(rest["used"])} of ${showCell(rest["limit"])}: ${showCell(rest["action"])}`;
  const end = rest["outcome"] ?? rest["state"] ?? rest["marker"] ?? spent;
  const where = [tenant_id, agent_id].filter((part) => part !== undefined).map(showCell).join("/");
  const cells = [
    showTime(at_ms ?? sent_at_ms),
    showCell(kind).padEnd(20),
    where,
    showCell(subject),
    showCell(end),
  ];
  say(cells.join("  ").trimEnd());
}

function addInbox(program: Command, { daemon }: CliContext): void {
  const inbox = program.command("inbox").description("deliveries that were accepted");
  inbox.command("list").description("the newest deliveries, newest first")
    .option("--account <id>", "only this tenant").option("--source <id>", "only this source")
    .option("--state <state>", "queued, done, unmatched or dead")
    .option("--limit <n>", "at most this many", count, 50).option("--json", "print an array")
    .action(async ({ json, ...filter }) => {
      const page = await (await daemon()).call<{ deliveries: Fields[] }>("inbox/list", filter);
      if (json === true) return sayJson(page.deliveries);
      sayTable(page.deliveries, [
        ["RECEIVED", (row) => showTime(row["received_at_ms"])],
        ["SOURCE", (row) => row["source_id"]],
        ["KIND", (row) => row["event_kind"]],
        ["TENANT", (row) => row["account_id"]],
        ["STATE", (row) => row["state"]],
        ["TRIES", (row) => row["attempts"]],
        ["DELIVERY", (row) => row["delivery_id"]],
        ["ENVELOPE", (row) => row["envelope_id"]],
      ], "No deliveries yet.");
    });
  inbox.command("show <envelope-id>").description("one delivery with its body")
    .option("--json", "the same")
    .action(async (envelopeId: string) =>
      sayJson(await (await daemon()).call("inbox/show", { envelope_id: envelopeId }))
    );
  inbox.command("replay <envelope-id>").description("route a delivery again, as a new envelope")
    .option("--json", "the same")
    .action(async (envelopeId: string) =>
      sayJson(await (await daemon()).call("inbox/replay", { envelope_id: envelopeId }))
    );
  inbox.command("purge")
    .description(
      "forget deliveries that are done or dead, once their repetitions need not be known",
    )
    .option("--account <id>", "only this tenant's")
    .requiredOption("--older-than-days <n>", "only those received this long ago", count)
    .option("--json", "print how many")
    .action(async ({ account, olderThanDays, json }: PurgeOptions) => {
      const done = await (await daemon()).call<
        { purged: number; kept_in_window: number; kept_for_replay: number }
      >("inbox/purge", { account, before_ms: beforeMs(olderThanDays) });
      if (json === true) return sayJson(done);
      say(`Forgot ${done.purged} deliveries.`);
      if (done.kept_in_window > 0) {
        say(
          `Kept ${done.kept_in_window} whose dedupe window lasts: repetitions are still refused.`,
        );
      }
      if (done.kept_for_replay > 0) {
        say(
          `Kept ${done.kept_for_replay} that can still run: replay or purge their dead letters first ` +
            "(nexo dlq list).",
        );
      }
    });
}

interface PurgeOptions {
  readonly account?: string;
  readonly olderThanDays: number;
  readonly json?: boolean;
}

function beforeMs(days: number): number {
  return Math.max(0, Date.now() - days * 86_400_000);
}

function addDlq(program: Command, { daemon }: CliContext): void {
  const dlq = program.command("dlq").description("what was accepted and could not be finished");
  dlq.command("list").description("dead letters, newest first")
    .option("--account <id>", "only this tenant")
    .option("--limit <n>", "at most this many", count, 50).option("--json", "print an array")
    .action(async ({ json, ...filter }) => {
      const page = await (await daemon()).call<{ dead_letters: Fields[] }>("dlq/list", filter);
      if (json === true) return sayJson(page.dead_letters);
      sayTable(page.dead_letters, [
        ["AT", (row) => showTime(row["at_ms"])],
        ["TENANT", (row) => row["account_id"]],
        ["KIND", (row) => row["kind"]],
        ["SOURCE", (row) => row["source"]],
        ["CODE", (row) => row["code"]],
        ["REPLAYED", (row) => showTime(row["replayed_at_ms"])],
        ["ID", (row) => row["id"]],
      ], "No dead letters.");
    });
  dlq.command("show <id>").description("one dead letter").option("--json", "the same")
    .action(async (id: string) => sayJson(await (await daemon()).call("dlq/show", { id })));
  dlq.command("replay <id>").description("try a dead letter again").option("--json", "the same")
    .action(async (id: string) => sayJson(await (await daemon()).call("dlq/replay", { id })));
  dlq.command("purge").description("forget dead letters; what they were about stays on record")
    .option("--account <id>", "only this tenant's")
    .requiredOption(
      "--older-than-days <n>",
      "only those given up this long ago",
      count,
    )
    .option("--json", "print how many")
    .action(async ({ account, olderThanDays, json }: PurgeOptions) => {
      const { purged } = await (await daemon()).call<{ purged: number }>("dlq/purge", {
        account,
        before_ms: beforeMs(olderThanDays),
      });
      if (json === true) sayJson({ purged });
      else say(`Forgot ${purged} dead letters.`);
    });
}
