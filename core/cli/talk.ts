/**
 * `nexo chat | webhook send`: events to try an agent with.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { CodedError } from "../contract/mod.ts";
import type { DaemonClient } from "./client.ts";
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

const PAUSED =
  "Accepted; no reply: the conversation is paused, a person has it. It waits for them.";

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
      if (answer.outcome === "paused") say(PAUSED);
      else if (answer.outcome === null) say("Accepted; no reply yet. See `nexo turns tail`.");
      else {say(
          `Accepted; no reply: the turn was ${answer.outcome}${
            answer.error === null ? "" : ` (${answer.error})`
          }`,
        );}
    });

  program.command("webhook").description("webhooks").command("send <source>")
    .description("sign and send an event as the source's provider would")
    .option("--preset <name>", "whose sample to send; otherwise that of the source")
    .option("--file <path>", "the body; otherwise a sample")
    .option("--content-type <type>", "of the body; otherwise that of the sample")
    .option("--event <kind>", "the event's kind; otherwise a usual one of the provider")
    .option("--delivery <id>", "the delivery id; otherwise a new one")
    .option("--url <url>", "another edge than the daemon's own")
    .option("--json", "print the answer as JSON")
    .action(async (source: string, options: SendOptions) => {
      const sent = await sendSample(await daemon(), source, options);
      if (options.json === true) sayJson(sent);
      else {
        const { status, status_text, url, body } = sent;
        say(`${status} ${status_text}  ${url}${body === "" ? "" : `\n${body}`}`);
      }
      if (sent.status >= 300) exitWith(1);
    });
}

interface SendOptions {
  preset?: string;
  file?: string;
  contentType?: string;
  event?: string;
  delivery?: string;
  url?: string;
  json?: boolean;
}

async function sendSample(client: DaemonClient, source: string, options: SendOptions) {
  const id = options.delivery ?? randomUUID();
  const described = await client.call<{ preset: string | null }>("webhook/describe", { source });
  const sample = sampleOf(options.preset ?? described.preset, {
    kind: options.event,
    id,
    nowMs: Date.now(),
  });
  const body = options.file === undefined ? Buffer.from(sample.body) : await readFile(options.file);
  const contentType = options.contentType ?? sample.contentType;
  const signed = await client.call<{ url: string; headers: Record<string, string> }>(
    "webhook/sign",
    {
      source,
      body_base64: body.toString("base64"),
      event_kind: sample.kind,
      id,
      content_type: contentType,
    },
  );
  const url = options.url ?? signed.url;
  const response = await fetch(url, {
    method: "POST",
    headers: { "content-type": contentType, ...signed.headers },
    body: new Uint8Array(body),
  }).catch((error: unknown) => {
    const message = `Cannot send to "${url}": no edge answers there`;
    throw new CodedError("daemon_not_running", message, { cause: error });
  });
  const { status, statusText: status_text } = response;
  return { status, status_text, url, body: await response.text() };
}
