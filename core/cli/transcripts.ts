/**
 * `nexo transcripts export | search | check`: what was said.
 *
 * @module
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { Writable } from "node:stream";
import type { Command } from "commander";
import type { AdminMethods } from "../contract/mod.ts";
import { entryLine, sessionLine } from "../record/jsonl.ts";
import type { SessionView } from "../record/sessions.ts";
import type { TranscriptReport } from "../record/transcript_check.ts";
import type { TranscriptRow } from "../record/transcripts.ts";
import type { DaemonClient } from "./client.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson, sayTable, showTime } from "./print.ts";
import { count } from "./record.ts";

const PAGE = 500;

/** Adds the commands. */
export function addTranscriptCommands(program: Command, context: CliContext): void {
  const transcripts = program.command("transcripts").description("what was said, redacted");
  addExport(transcripts, context);
  addSearch(transcripts, context);
  addCheck(transcripts, context);
}

interface ExportOptions {
  readonly account: string;
  readonly agent?: string;
  readonly session?: string;
  readonly out?: string;
}

function addExport(transcripts: Command, { daemon }: CliContext): void {
  transcripts.command("export").description("a tenant's sessions as JSON lines, like nexo's files")
    .requiredOption("--account <id>", "the tenant")
    .option("--agent <id>", "only this agent's")
    .option("--session <id>", "only this one")
    .option("--out <dir>", "a file for each session, <id>.jsonl; otherwise all to standard output")
    .option("--json", "the same: what is written is JSON, a line each")
    .action(async ({ out, ...filter }: ExportOptions) => {
      const client = await daemon();
      if (out !== undefined) await mkdir(out, { recursive: true, mode: 0o700 });
      let sessions = 0;
      for await (const session of sessionsOf(client, filter)) {
        const to = out === undefined
          ? process.stdout
          : createWriteStream(join(out, `${session.session_id}.jsonl`), { mode: 0o600 });
        await writeSession(to, client, filter.account, session);
        sessions++;
        if (out === undefined) continue;
        to.end();
        await once(to, "close");
      }
      if (out !== undefined) say(`${sessions} sessions in ${out}`);
    });
}

async function* sessionsOf(
  client: DaemonClient,
  filter: Omit<ExportOptions, "out">,
): AsyncGenerator<SessionView> {
  for (let after: string | undefined;;) {
    const { sessions } = await client.call<{ sessions: SessionView[] }>("transcripts/sessions", {
      ...filter,
      after,
      limit: PAGE,
    });
    yield* sessions;
    after = sessions.at(-1)?.session_id;
    if (sessions.length < PAGE) return;
  }
}

async function writeSession(
  to: Writable,
  client: DaemonClient,
  account: string,
  { session_id, agent_id, source_plugin, started_at_ms }: SessionView,
): Promise<void> {
  const write = async (text: string): Promise<void> => {
    if (!to.write(text)) await once(to, "drain");
  };
  await write(sessionLine({
    sessionId: session_id,
    agentId: agent_id,
    sourcePlugin: source_plugin,
    startedAtMs: started_at_ms,
  }));
  for (let afterSeq = -1;;) {
    const { entries } = await client.call<{ entries: TranscriptRow[] }>("transcripts/read", {
      account,
      session: session_id,
      after_seq: afterSeq,
      limit: PAGE,
    });
    await write(entries.map(entryLine).join(""));
    afterSeq = entries.at(-1)?.seq ?? afterSeq;
    if (entries.length < PAGE) return;
  }
}

type SearchMethod = "nexo/admin/agent_events/search";

function addSearch(transcripts: Command, { daemon }: CliContext): void {
  transcripts.command("search <text>")
    .description('words in any order; "a phrase", begin*, -without, one OR other')
    .requiredOption("--agent <id>", "the agent they talked to")
    .option("--account <id>", "only this tenant")
    .option("--limit <n>", "at most this many", count, 20).option("--json", "print an array")
    .action(async (query: string, { agent, account, limit, json }) => {
      const params: AdminMethods[SearchMethod]["params"] = {
        agent_id: agent,
        tenant_id: account,
        query,
        limit,
      };
      const { hits } = await (await daemon()).call<AdminMethods[SearchMethod]["result"]>(
        "nexo/admin/agent_events/search",
        params,
      );
      if (json === true) return sayJson(hits);
      sayTable(hits, [
        ["AT", (hit) => showTime(hit.timestamp_ms)],
        ["ROLE", (hit) => hit.role],
        ["SESSION", (hit) => hit.session_id],
        ["TEXT", (hit) => hit.snippet.replaceAll(/\s+/g, " ")],
      ], "Nothing found.");
    });
}

function addCheck(transcripts: Command, { daemon, exitWith }: CliContext): void {
  transcripts.command("check")
    .description("whether all is there, unchanged and in the index; exit 1 when not")
    .option("--account <id>", "only this tenant").option("--json", "print an array")
    .action(async ({ account, json }: { account?: string; json?: boolean }) => {
      const { transcripts: reports } = await (await daemon()).call<
        { transcripts: TranscriptReport[] }
      >("transcripts/check", { account });
      if (json === true) sayJson(reports);
      else {
        sayTable(reports, [
          ["TENANT", (report) => report.account],
          ["SESSIONS", (report) => report.sessions],
          ["ENTRIES", (report) => report.entries],
          ["TURNS", (report) => report.turns],
          ["OK", (report) => report.ok ? "yes" : "NO"],
          [
            "PROBLEM",
            ({ problems: [first] }) =>
              first === undefined ? "" : `${first.session_id} ${first.problem}`.trim(),
          ],
        ], "No transcripts yet.");
      }
      if (reports.some(({ ok }) => !ok)) exitWith(1);
    });
}
