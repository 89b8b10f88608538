/**
 * `nexo chat | webhook send`: events to try an agent with.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { CodedError } from "../contract/mod.ts";
import type { CliContext } from "./command.ts";
import { say, sayJson } from "./print.ts";
import { sampleOf } from "./samples.ts";

interface ChatAnswer {
  accepted: boolean;
  inbound_id: string | null;
  turn_id: string | null;
  outcome: string | null;
  reply: string | null;
  error: string | null;
}

/** Adds the commands that send something in. */
export function addTalkCommands(program: Command, { daemon, exitWith }: CliContext): void {
  program.command("chat <instance> <text>")
    .description("say something on the web channel and print the reply")
    .option("--contact <id>", "who speaks", "cli")
    .option("--json", "print the whole answer")
    .action(async (instance: string, text: string, { contact, json }) => {
      const answer = await (await daemon()).call<ChatAnswer>("chat", { instance, text, contact });
      if (json === true) return sayJson(answer);
      if (answer.reply !== null) return say(answer.reply);
      if (answer.outcome === null) say("Accepted; no reply yet. See `nexo turns tail`.");
      else {say(
          `Accepted; no reply: the turn was ${answer.outcome}${
            answer.error === null ? "" : ` (${answer.error})`
          }`,
        );}
    });

  program.command("webhook").description("webhooks").command("send <source>")
    .description("sign and send an event as the source's provider would")
    .option("--file <path>", "the body; otherwise a sample of the preset")
    .option("--event <kind>", "the event's kind", "push")
    .option("--delivery <id>", "the delivery id; otherwise a new one")
    .option("--url <url>", "another edge than the daemon's own")
    .option("--json", "print the answer as JSON")
    .action(async (source: string, { file, event, delivery, url, json }) => {
      const client = await daemon();
      const body = file === undefined ? sampleOf(event) : await readFile(file);
      const signed = await client.call<{ url: string; headers: Record<string, string> }>(
        "webhook/sign",
        {
          source,
          body_base64: Buffer.from(body).toString("base64"),
          event_kind: event,
          id: delivery ?? randomUUID(),
        },
      );
      const target = url ?? signed.url;
      const response = await fetch(target, {
        method: "POST",
        headers: { "content-type": "application/json", ...signed.headers },
        body: new Uint8Array(body),
      }).catch((error: unknown) => {
        throw new CodedError(
          "daemon_not_running",
          `Cannot send to "${target}": no edge answers there`,
          {
            cause: error,
          },
        );
      });
      const text = await response.text();
      if (json === true) sayJson({ status: response.status, url: target, body: text });
      else {say(
          `${response.status} ${response.statusText}  ${target}${text === "" ? "" : `\n${text}`}`,
        );}
      if (!response.ok) exitWith(1);
    });
}
