/**
 * `nexo microapp admin audit tail` and `nexo audit verify | export`: who did what, and that it still says so.
 *
 * @module
 */
import { once } from "node:events";
import { createWriteStream } from "node:fs";
import type { Writable } from "node:stream";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { AuditView } from "../contract/views/audit.ts";
import { formatAuditTable } from "../record/audit_table.ts";
import type { SignedHead } from "../record/heads.ts";
import type { DaemonClient } from "./client.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson, sayTable } from "./print.ts";
import { count } from "./record.ts";

/** How often somebody who waits is told how far it is, in milliseconds. */
const PROGRESS_MS = 500;

/** Rows in one answer of the daemon. */
const PAGE_ROWS = 1_000;

/** Adds the commands. */
export function addAuditCommands(program: Command, context: CliContext): void {
  addTail(program, context);
  const audit = program.command("audit").description("the hash chains of turns and admin calls");
  addVerify(audit, context);
  addExport(audit, context);
}

interface TailOptions {
  readonly microappId?: string;
  readonly method?: string;
  readonly result?: string;
  readonly tenant?: string;
  readonly sinceMins?: number;
  readonly sinceMs?: number;
  readonly limit: number;
  readonly format: "table" | "json";
  readonly json?: boolean;
}

function addTail(program: Command, { daemon }: CliContext): void {
  program.command("microapp").description("microapps' admin calls").command("admin").command(
    "audit",
  )
    .command("tail").description("admin calls, newest first")
    .option("--microapp-id <id>", "only this microapp")
    .option("--method <name>", "only this method")
    .addOption(
      new Option("--result <result>", "only calls that ended so").choices([
        "ok",
        "error",
        "denied",
        "unknown",
      ]),
    )
    .option("--tenant <id>", "only this tenant")
    .option("--since-mins <n>", "only the last n minutes", count)
    .option("--since-ms <time>", "only since this time, in milliseconds since 1970", time)
    .option("--limit <n>", "at most this many", count, 50)
    .addOption(
      new Option("--format <format>", "how to print it").choices(["table", "json"]).default(
        "table",
      ),
    )
    .option("--json", "the same as --format json")
    .action(async (options: TailOptions) => {
      const { sinceMins, sinceMs } = options;
      const { rows } = await (await daemon()).call<{ rows: AuditView[] }>("audit/tail", {
        microapp_id: options.microappId,
        method: options.method,
        result: options.result,
        tenant: options.tenant,
        since_ms: sinceMs ?? (sinceMins === undefined ? null : Date.now() - sinceMins * 60_000),
        limit: options.limit,
      });
      if (options.json === true || options.format === "json") return sayJson(rows);
      process.stdout.write(formatAuditTable(rows));
    });
}

function time(text: string): number {
  const ms = Number(text);
  if (Number.isInteger(ms) && ms >= 0) return ms;
  throw new InvalidArgumentError("must be a whole number of milliseconds");
}

interface VerifiedChain {
  readonly account: string;
  readonly table: string;
  readonly ok: boolean;
  readonly rows: number;
  readonly problems: readonly { readonly offset: number; readonly problem: string }[];
}

function addVerify(audit: Command, { daemon, exitWith }: CliContext): void {
  audit.command("verify").description("walk every chain; exit 1 when one is broken")
    .option("--account <id>", "only this tenant").option("--json", "print an array")
    .action(async ({ account, json }: { account?: string; json?: boolean }) => {
      const client = await daemon();
      const stop = showProgress(client);
      const { chains } = await client.call<{ chains: VerifiedChain[] }>("audit/verify", {
        account,
      }).finally(stop);
      if (json === true) sayJson(chains);
      else {
        sayTable(chains, [
          ["TENANT", (chain) => chain.account],
          ["CHAIN", (chain) => chain.table],
          ["ROWS", (chain) => chain.rows],
          ["OK", (chain) => chain.ok ? "yes" : "NO"],
          [
            "PROBLEM",
            ({ problems: [first] }) =>
              first === undefined ? "" : `at ${first.offset}: ${first.problem}`,
          ],
          ["MORE", ({ problems }) => problems.length > 1 ? problems.length - 1 : ""],
        ], "No chains yet.");
      }
      if (chains.some(({ ok }) => !ok)) exitWith(1);
    });
}

/** Tells people at a terminal how far it is; returns the way to stop. */
function showProgress(client: DaemonClient): () => void {
  if (!process.stderr.isTTY) return () => undefined;
  const timer = setInterval(() => {
    client.call<{ rows: number }>("audit/progress").then(
      ({ rows }) => process.stderr.write(`\r${rows.toLocaleString("en")} rows …`),
      // Whoever waits for the verification hears what is wrong.
      () => undefined,
    );
  }, PROGRESS_MS);
  return () => {
    clearInterval(timer);
    process.stderr.write("\r\u001b[K");
  };
}

interface Chain {
  readonly account: string;
  readonly table: string;
  readonly stream: string;
  readonly checkpoint: SignedHead | null;
  readonly head: SignedHead;
}
interface Chains {
  readonly key_id: string;
  readonly public_key: string;
  readonly made_at_ms: number;
  readonly chains: readonly Chain[];
}
type Row = Readonly<Record<string, unknown>> & { readonly offset: number };

function addExport(audit: Command, { daemon }: CliContext): void {
  audit.command("export")
    .description("every chain as one file of JSON lines that verifies elsewhere; see docs/audit.md")
    .option("--account <id>", "only this tenant")
    .option("--out <file>", "where to; otherwise standard output")
    .option("--json", "the same: what is written is JSON, a line each")
    .action(async ({ account, out }: { account?: string; out?: string }) => {
      const client = await daemon();
      const { chains, ...bundle } = await client.call<Chains>("audit/chains", { account });
      const to = out === undefined ? process.stdout : createWriteStream(out, { mode: 0o600 });
      let rows = 0;
      await writeLine(to, { type: "bundle", format: "nexo-audit-1", ...bundle });
      for (const chain of chains) {
        await writeLine(to, { type: "chain", ...chain });
        for await (const row of rowsOf(client, chain)) {
          await writeLine(to, { type: "row", row });
          rows++;
        }
      }
      await writeLine(to, { type: "end", chains: chains.length, rows });
      if (out === undefined) return;
      to.end();
      await once(to, "close");
      say(`${rows} rows of ${chains.length} chains in ${out}, signed with key ${bundle.key_id}`);
    });
}

async function* rowsOf(client: DaemonClient, chain: Chain): AsyncGenerator<Row> {
  const { account, table, checkpoint, head } = chain;
  let after = checkpoint?.offset ?? 0;
  while (after < head.offset) {
    const { rows } = await client.call<{ rows: Row[] }>("audit/rows", {
      account,
      table,
      after,
      up_to: head.offset,
      limit: PAGE_ROWS,
    });
    yield* rows;
    // A chain with missing rows is taken along as it is; whoever verifies it will see.
    after = rows.at(-1)?.offset ?? head.offset;
  }
}

async function writeLine(to: Writable, line: unknown): Promise<void> {
  if (!to.write(`${JSON.stringify(line)}\n`)) await once(to, "drain");
}
