/**
 * `nexo console | token | reload`: running the place.
 *
 * @module
 */
import type { Command } from "commander";
import { InvalidArgumentError } from "commander";
import { CodedError } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson } from "./print.ts";
import { count } from "./record.ts";

/** Adds the commands that run the place. */
export function addOperateCommands(program: Command, context: CliContext): void {
  addConsole(program, context);
  addToken(program, context);
  program.command("reload").description("load the config again; a bad file changes nothing")
    .option("--json", "the same")
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
    .option("--json", "the same")
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
