/**
 * `nexo credentials` and `nexo pairing`: channels' lines and the people on them.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import type { Command } from "commander";
import { type AdminMethodName, type AdminMethods, CodedError, messageOf } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson, sayTable, showTime } from "./print.ts";

/** Calls a method of the admin table. */
type Call = <M extends AdminMethodName>(
  method: M,
  params: AdminMethods[M]["params"],
) => Promise<AdminMethods[M]["result"]>;

/** Adds the commands. */
export function addChannelCommands(program: Command, context: CliContext): void {
  const call: Call = async (method, params) => (await context.daemon()).call(method, params);
  addCredentialCommands(program, call, context);
  addPairingCommands(program, call, context);
}

interface LineOptions {
  readonly instance?: string;
  readonly tenant?: string;
  readonly json?: boolean;
}

function addCredentialCommands(program: Command, call: Call, { exitWith }: CliContext): void {
  const credentials = program.command("credentials").description("what channels sign in with");
  credentials.command("list").description("all lines with a credential")
    .option("--channel <name>", "of one channel").option("--json", "print an array")
    .action(async ({ channel, json }: { channel?: string; json?: boolean }) => {
      const { credentials: found } = await call("nexo/admin/credentials/list", {
        channel_filter: channel,
      });
      if (json === true) return sayJson(found);
      sayTable(found, [
        ["CHANNEL", (row) => row.channel],
        ["INSTANCE", (row) => row.instance],
        ["AGENTS", (row) => row.agent_ids.join(" ")],
      ], "No credentials. `nexo credentials register --help` says how to add one.");
    });
  credentials.command("register <channel>")
    .description("keep a credential sealed, declare its line and bind agents to it")
    .option("--instance <name>", "the bot, number or mailbox; by convention the tenant's id")
    .option("--tenant <id>", "whose line it is").option("--agent <id...>", "who answers on it", [])
    .option("--metadata <json>", "what is not secret, for example servers", "{}")
    .option("--file <path>", "the payload as JSON; absent or -: from standard input")
    .option("--json", "the same")
    .action(async (
      channel: string,
      options: LineOptions & {
        agent: string[];
        metadata: string;
        file?: string;
      },
    ) => {
      const { file = "-" } = options;
      // A secret on the command line would be in the shell's history and in every process list.
      const payload = file === "-" ? await text(process.stdin) : await readFile(file, "utf8");
      const answer = await call("nexo/admin/credentials/register", {
        channel,
        instance: options.instance,
        agent_ids: options.agent,
        payload: parseJson(payload, "the payload") as never,
        metadata: parseJson(options.metadata, "--metadata") as never,
        tenant_id: options.tenant,
      });
      sayJson(answer);
      if (answer.validation?.probed === true && !answer.validation.healthy) exitWith(1);
    });
  credentials.command("revoke <channel>").description("forget a credential and unbind its agents")
    .option("--instance <name>", "the line").option("--json", "the same")
    .action(async (channel: string, { instance }: LineOptions) => {
      const answer = await call("nexo/admin/credentials/revoke", { channel, instance });
      sayJson(answer);
      if (!answer.removed) exitWith(1);
    });
}

function addPairingCommands(program: Command, call: Call, { exitWith }: CliContext): void {
  const pairing = program.command("pairing").description(
    "people and lines getting to know each other",
  );
  pairing.command("start <agent> <channel>").description("make a link and a QR code for a person")
    .option("--instance <name>", "the line").option("--json", "print the challenge")
    .action(async (agent: string, channel: string, { instance, json }: LineOptions) => {
      const started = await call("nexo/admin/pairing/start", {
        agent_id: agent,
        channel,
        instance,
      });
      const { challenge_id } = started;
      const status = await call("nexo/admin/pairing/status", { challenge_id });
      if (json === true) return sayJson({ ...started, ...status });
      if (status.data?.qr_ascii !== undefined) say(status.data.qr_ascii);
      if (status.data?.link !== undefined) say(status.data.link);
      say(started.instructions);
      say(
        `Good until ${
          showTime(started.expires_at_ms)
        } UTC; see: nexo pairing status ${challenge_id}`,
      );
    });
  pairing.command("status <challenge>").description("where a challenge stands")
    .option("--json", "the same").action(async (challenge_id: string) =>
      sayJson(await call("nexo/admin/pairing/status", { challenge_id }))
    );
  pairing.command("cancel <challenge>").description("end a challenge").option("--json", "the same")
    .action(async (challenge_id: string) => {
      const answer = await call("nexo/admin/pairing/cancel", { challenge_id });
      sayJson(answer);
      if (!answer.cancelled) exitWith(1);
    });
  pairing.command("approve <channel> <code>").description(
    "let in a stranger by the code they were given",
  )
    .option("--instance <name>", "the line").option("--tenant <id>", "whose line it is")
    .option("--json", "the same")
    .action(async (channel: string, code: string, { instance, tenant }: LineOptions) => {
      const answer = await call("nexo/admin/pairing/approve", {
        channel,
        code,
        instance,
        tenant_id: tenant,
      });
      sayJson(answer);
      if (!answer.approved) exitWith(1);
    });
  pairing.command("list").description("people that lines know").option(
    "--channel <name>",
    "of one channel",
  )
    .option("--instance <name>", "of one line").option("--tenant <id>", "of one tenant")
    .option("--json", "print an array")
    .action(async ({ channel, instance, tenant, json }: LineOptions & { channel?: string }) => {
      const { people } = await call("nexo/admin/pairing/list", {
        channel,
        instance,
        tenant_id: tenant,
      });
      if (json === true) return sayJson(people);
      sayTable(people, [
        ["CHANNEL", (row) => row.channel],
        ["INSTANCE", (row) => row.instance],
        ["PERSON", (row) => row.sender_id],
        ["SINCE", (row) => showTime(row.paired_at_ms)],
      ], "Nobody is paired.");
    });
  pairing.command("revoke <channel> <person>").description("know somebody no more")
    .option("--instance <name>", "the line").option("--tenant <id>", "whose line it is")
    .option("--json", "the same")
    .action(async (channel: string, sender_id: string, { instance, tenant }: LineOptions) => {
      const answer = await call("nexo/admin/pairing/revoke", {
        channel,
        sender_id,
        instance,
        tenant_id: tenant,
      });
      sayJson(answer);
      if (!answer.revoked) exitWith(1);
    });
}

function parseJson(given: string, what: string): unknown {
  try {
    return JSON.parse(given);
  } catch (error) {
    throw new CodedError("usage", `Cannot read ${what} as JSON: ${messageOf(error)}`);
  }
}
