/**
 * `nexo console | token | reload | microapp | audit`: running the place.
 *
 * @module
 */
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { CodedError } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { type AuditView } from "../record/admin_audit.ts";
import { formatAuditTable } from "../record/audit_table.ts";
import { say, sayJson, sayTable } from "./print.ts";
import { count } from "./record.ts";

type Fields = Readonly<Record<string, unknown>>;

/** Adds the commands that run the place. */
export function addOperateCommands(program: Command, context: CliContext): void {
  addConsole(program, context);
  addToken(program, context);
  addAudit(program, context);
  program.command("reload").description("load the config again; a bad file changes nothing")
    .action(async () => sayJson(await (await context.daemon()).call("reload")));
}

function addConsole(program: Command, { daemon }: CliContext): void {
  program.command("console").description("a link that opens the console, once")
    .option("--edge <url>", "the edge to open it at, when that runs elsewhere")
    .option("--json", "print its end, too")
    .action(async ({ edge, json }: { edge?: string; json?: boolean }) => {
      const link = await (await daemon()).call<{ path: string; url: string | null }>(
        "console/link",
      );
      const url = edge === undefined ? link.url : edge.replace(/\/+$/, "") + link.path;
      if (url === null) {
        throw new CodedError(
          "usage",
          "Cannot make a link: no edge runs beside this core; say where with --edge https://…",
        );
      }
      if (json === true) sayJson({ ...link, url });
      else say(url);
    });
}

const SCOPES = ["operator", "tenant", "firehose", "edge"];

function addToken(program: Command, { daemon }: CliContext): void {
  const token = program.command("token").description("access tokens");
  token.command("revoke <jti>").description("take a token back; every edge hears of it in seconds")
    .action(async (jti: string) => sayJson(await (await daemon()).call("token/revoke", { jti })));
  token.command("rotate-key")
    .description("sign new tokens with a new key; every edge hears of it in seconds")
    .option("--revoke-old", "end every token there is at once, instead of letting them expire")
    .option("--json", "print the new key's id, and until when older tokens are good")
    .action(async ({ revokeOld, json }: { revokeOld?: boolean; json?: boolean }) => {
      const rotated = await (await daemon()).call<{ kid: string; old_until_ms: number | null }>(
        "token/rotate_key",
        { revoke_old: revokeOld === true },
      );
      if (json === true) return sayJson(rotated);
      const { kid, old_until_ms: untilMs } = rotated;
      const older = untilMs === null
        ? "no older token is good any more"
        : `older tokens are good until they expire, the last at ${new Date(untilMs).toISOString()}`;
      say(`New tokens are signed with key ${kid}; ${older}.`);
    });
  token.command("create")
    .description("make a token; it is shown once")
    .requiredOption(
      "--scope <scope...>",
      `one or more of ${SCOPES.join(", ")}`,
      (scope, all: string[] | undefined) => {
        if (!SCOPES.includes(scope)) {
          throw new InvalidArgumentError(
            `must be one of ${SCOPES.join(", ")}`,
          );
        }
        return [...(all ?? []), scope];
      },
    )
    .option("--account <id>", "the tenant it is for")
    .option("--subject <name>", "who holds it", "operator")
    .option("--ttl <hours>", "hours until it ends", count, 12)
    .option("--json", "print its id and end, too")
    .action(async ({ scope, account, subject, ttl, json }) => {
      const made = await (await daemon()).call<{ token: string }>("token/create", {
        scope,
        account,
        subject,
        ttl_ms: ttl * 3_600_000,
      });
      if (json === true) sayJson(made);
      else say(made.token);
    });
}

function addAudit(program: Command, { daemon, exitWith }: CliContext): void {
  program.command("microapp").description("microapps' admin calls").command("admin").command(
    "audit",
  )
    .command("tail").description("admin calls, newest first")
    .option("--microapp-id <id>", "only this microapp")
    .option("--method <name>", "only this method")
    .option("--result <result>", "ok, error, denied or unknown")
    .option("--tenant <id>", "only this tenant")
    .option("--since-mins <n>", "only the last n minutes", count)
    .option("--limit <n>", "at most this many", count, 50)
    .option("--format <format>", "table or json", "table")
    .option("--json", "the same as --format json")
    .action(async ({ microappId, method, result, tenant, sinceMins, limit, format, json }) => {
      const { rows } = await (await daemon()).call<{ rows: AuditView[] }>("audit/tail", {
        microapp_id: microappId,
        method,
        result,
        tenant,
        since_ms: sinceMins === undefined ? undefined : Date.now() - sinceMins * 60_000,
        limit,
      });
      if (json === true || format === "json") return sayJson(rows);
      process.stdout.write(formatAuditTable(rows));
    });

  program.command("audit").description("the hash chains of turns and admin calls").command("verify")
    .description("walk every chain; exit 1 when one is broken")
    .option("--account <id>", "only this tenant").option("--json", "print an array")
    .action(async ({ account, json }) => {
      const { chains } = await (await daemon()).call<{ chains: (Fields & { ok: boolean })[] }>(
        "audit/verify",
        { account },
      );
      if (json === true) sayJson(chains);
      else {
        sayTable(chains, [
          ["TENANT", (row) => row["account"]],
          ["CHAIN", (row) => row["table"]],
          ["ROWS", (row) => row["rows"]],
          ["OK", (row) => row.ok ? "yes" : "NO"],
          [
            "PROBLEMS",
            (row) => (row["problems"] as unknown[]).map((p) => JSON.stringify(p)).join("; "),
          ],
        ], "No chains yet.");
      }
      if (chains.some(({ ok }) => !ok)) exitWith(1);
    });
}
