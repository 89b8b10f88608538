/**
 * Posting an answer as `plugins/generic.yaml` says.
 *
 * @module
 */
import { type GenericOutbound, messageOf, type OutboundBody } from "../../contract/mod.ts";
import type { Outbound } from "../../queues/outbound.ts";
import type { SendResult } from "../channel.ts";
import { postFailure } from "../http_failure.ts";
import { textAt } from "./pointer.ts";

/** Signs a body that is about to be posted. */
export type SignBody = (
  body: Uint8Array<ArrayBuffer>,
  options: { id: string; secret: string; nowMs: number },
) => Promise<Readonly<Record<string, string>>>;

/** What posting needs. */
export interface PostDeps {
  readonly rules: GenericOutbound;
  /** What was registered for the instance: `{{credential.<name>}}`. */
  readonly credential: unknown;
  readonly sign: SignBody;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** What is read of an answer. */
const MAX_ANSWER_BYTES = 64 * 1024;

/** Tries once. The service drops a repetition by the header `Idempotency-Key`. */
export async function postAnswer(outbound: Outbound, deps: PostDeps): Promise<SendResult> {
  const { rules, nowMs, signal } = deps;
  const values = valuesOf(outbound);
  const find = (name: string): string => {
    const [root, ...rest] = name.split(".");
    return root === "credential"
      ? textAt(deps.credential, `/${rest.join("/")}`) ?? ""
      : Object.hasOwn(values, name)
      ? values[name] ?? ""
      : "";
  };
  const content = rules.body === undefined ? known(values) : filled(rules.body, find);
  const body = new TextEncoder().encode(
    typeof content === "string" ? content : JSON.stringify(content),
  );
  const signed = rules.signing_secret === undefined ? {} : await deps.sign(body, {
    id: outbound.id,
    secret: rules.signing_secret,
    nowMs,
  });
  try {
    const response = await fetch(fill(rules.url, (name) => encodeURIComponent(find(name))), {
      method: rules.method,
      headers: {
        "content-type": "application/json",
        "idempotency-key": outbound.id,
        ...Object.fromEntries(
          Object.entries(rules.headers).map(([name, value]) => [
            name.toLowerCase(),
            fill(value, find).replaceAll(/[^\t\x20-\x7e]/g, ""),
          ]),
        ),
        ...signed,
      },
      body,
      redirect: "error",
      signal,
    });
    const answer = await readHead(response);
    if (!response.ok) return postFailure(response, answer);
    return { kind: "sent", receipt: receiptIn(answer, rules.receipt) };
  } catch (error) {
    signal.throwIfAborted();
    return { kind: "retry", reason: messageOf(error) };
  }
}

/** Everything an answer has, by the names placeholders use. */
function valuesOf({ id, contact, instance, body }: Outbound): Record<string, string> {
  const to = body.to ?? { to: contact, thread: null };
  return {
    id,
    instance,
    contact,
    kind: body.kind,
    to: to.to,
    thread: to.thread ?? "",
    reply_to: body.reply_to_msg_id ?? "",
    ...contentOf(body),
  };
}

function contentOf(body: OutboundBody): Record<string, string> {
  switch (body.kind) {
    case "text":
    case "reply":
      return { text: body.text };
    case "media":
      return {
        text: body.caption ?? "",
        media: body.media,
        url: body.url,
        mime: body.mime ?? "",
        name: body.name ?? "",
      };
    case "template":
      return {
        text: body.parameters.join(" "),
        template: body.name,
        language: body.language,
      };
    case "typing":
      return {};
  }
}

function known(values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== ""));
}

/** JSON with its placeholders filled; a value never becomes anything but text. */
function filled(template: unknown, find: (name: string) => string): unknown {
  if (typeof template === "string") return fill(template, find);
  if (Array.isArray(template)) return template.map((item: unknown) => filled(item, find));
  if (typeof template !== "object" || template === null) return template;
  return Object.fromEntries(
    Object.entries(template).map(([name, value]) => [name, filled(value, find)]),
  );
}

function fill(template: string, find: (name: string) => string): string {
  return template.replaceAll(/\{\{\s*([\w.]+)\s*\}\}/g, (_all, name: string) => find(name));
}

/** The beginning of an answer; whoever sends more is not listened to. */
async function readHead(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    chunks.push(chunk);
    size += chunk.length;
    if (size >= MAX_ANSWER_BYTES) break;
  }
  return Buffer.concat(chunks).toString("utf8", 0, MAX_ANSWER_BYTES);
}

function receiptIn(answer: string, pointer: string | undefined): string | null {
  if (pointer === undefined) return null;
  try {
    return textAt(JSON.parse(answer), pointer) ?? null;
  } catch {
    return null; // a service that answers with no JSON gives no id
  }
}
