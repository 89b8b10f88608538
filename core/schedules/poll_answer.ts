/**
 * What a look outside is answered, as microapps say it.
 *
 * @module
 */
import { z } from "zod";
import { CodedError, messageOf, RpcFault } from "../contract/mod.ts";

/** The microapp says that trying again is useless. */
const PERMANENT = -32002;
/** It does not accept its config. */
const BAD_CONFIG = -32602;

const Amount = z.int().nonnegative().nullish().transform((amount) => amount ?? 0);

/** What the microapp found: what to send, and how far it has come. */
export const PollAnswer = z.object({
  items_seen: Amount,
  items_dispatched: Amount,
  deliver: z.array(z.object({
    channel: z.string().min(1).max(64),
    recipient: z.string().min(1).max(512),
    payload: z.json(),
  })).max(1_000).nullish().transform((deliver) => deliver ?? []),
  /** Base64url; opaque to core. */
  next_cursor: z.string().max(65_536).nullish(),
  next_interval_secs: z.int().positive().max(366 * 86_400).nullish(),
});
/** See {@linkcode PollAnswer}. */
export type PollAnswer = z.infer<typeof PollAnswer>;

/** Reads an answer. @throws {CodedError} `tool_failed` when it is none */
export function readPollAnswer(answer: unknown): PollAnswer {
  const parsed = PollAnswer.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join(".") ?? "";
  const what = `${where === "" ? "result" : where}: ${issue?.message ?? "is wrong"}`;
  throw new CodedError("tool_failed", `Cannot read what poll_tick answered: ${what}`);
}

/** Whether a failure stays until a person does something about it. */
export function isPermanent(error: unknown): boolean {
  return error instanceof RpcFault && (error.code === PERMANENT || error.code === BAD_CONFIG);
}

/** A failure for people. */
export function failureText(error: unknown): string {
  return error instanceof RpcFault ? `${error.code}: ${error.message}` : messageOf(error);
}

/** What a delivery says: the payload's text, or all of it. */
export function deliveredText(payload: PollAnswer["deliver"][number]["payload"]): string {
  if (typeof payload === "string") return payload;
  if (typeof payload === "object" && payload !== null && !Array.isArray(payload)) {
    const text = payload["text"] ?? payload["body"];
    if (typeof text === "string") return text;
  }
  return JSON.stringify(payload);
}
