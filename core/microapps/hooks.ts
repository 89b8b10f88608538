/**
 * What microapps say when they are asked about a message or a tool call.
 *
 * @module
 */
import type { HookPoint } from "./handshake.ts";
import { firstText, isObject, type JsonObject } from "./json.ts";

/** One microapp's answer, told apart. */
export type HookVote =
  & {
    /** Whether the conversation gets no further replies. */
    readonly mute: boolean;
    /** Empty when it gives none. */
    readonly reason: string;
  }
  & (
    | { readonly kind: "continue" }
    | { readonly kind: "block" }
    | { readonly kind: "transform"; readonly text: string }
    | { readonly kind: "override"; readonly members: JsonObject }
  );

/** Who said something, and why. */
export interface HookWord {
  readonly microappId: string;
  readonly reason: string;
}

/** What one microapp did about it, for the record; saying nothing is not kept. */
export interface HookEffect extends HookWord {
  /** `failed`: it must have its say and gave none. */
  readonly effect: "block" | "transform" | "override" | "failed";
}

/** What all asked microapps together came to. */
export interface HookOutcome {
  /** Set when a microapp said no; never for `after_*`. */
  readonly blocked: HookWord | null;
  /** Set when one that must have its say gave none; nobody after it was asked. */
  readonly failed: HookWord | null;
  /** Set when the conversation gets no further replies. */
  readonly mute: HookWord | null;
  /** The params as the last microapp left them, without `_meta`: read `text`, `text_out`, `arguments`. */
  readonly params: JsonObject;
  /** In the order they happened. */
  readonly effects: readonly HookEffect[];
}

const optional = (value: unknown, type: string): boolean =>
  value === undefined || value === null || typeof value === type;

/** Whether every known member has its type; otherwise the answer says nothing reliable. */
function isWellFormed(answer: JsonObject): boolean {
  return optional(answer["abort"], "boolean") && optional(answer["decision"], "string") &&
    optional(answer["vote"], "string") && optional(answer["reason"], "string") &&
    optional(answer["transformed_body"], "string") &&
    optional(answer["do_not_reply_again"], "boolean") && optional(answer["override"], "object");
}

/**
 * Reads an answer: block over transform over override over continue.
 *
 * Gives null when the answer is malformed.
 */
export function readVote(answer: unknown): HookVote | null {
  if (answer === null || answer === undefined) {
    return { kind: "continue", mute: false, reason: "" };
  }
  if (!isObject(answer) || !isWellFormed(answer)) return null;
  const mute = answer["do_not_reply_again"] === true;
  const reason = firstText(answer, "reason") ?? "";
  const decision = firstText(answer, "decision");
  if (answer["abort"] === true || decision === "block" || answer["vote"] === "deny") {
    return { kind: "block", mute, reason };
  }
  const text = firstText(answer, "transformed_body");
  if (decision === "transform") {
    return text === undefined ? null : { kind: "transform", text, mute, reason };
  }
  const members = answer["override"] ??
    (answer["vote"] === "allow" ? answer["metadata"] : undefined);
  if (isObject(members)) return { kind: "override", members, mute, reason };
  return { kind: "continue", mute, reason };
}

/** Which member of the params `transformed_body` replaces. */
const TEXT_MEMBER: Readonly<Record<HookPoint, string | null>> = {
  before_message: "text",
  after_message: "text_out",
  before_tool_call: null,
  after_tool_call: null,
};

/** Who a call is for is never up to another microapp. */
const IDENTITY: ReadonlySet<string> = new Set(["_meta", "agent_id", "session_id", "tool_name"]);

/** The params for the next microapp; the same object when the vote changes nothing. */
export function applyVote(point: HookPoint, params: JsonObject, vote: HookVote): JsonObject {
  if (vote.kind === "transform") {
    const member = TEXT_MEMBER[point];
    return member === null ? params : withBody(point, { ...params, [member]: vote.text });
  }
  if (vote.kind !== "override") return params;
  const allowed = Object.entries(vote.members).filter(([name]) => !IDENTITY.has(name));
  if (allowed.length === 0) return params;
  const members = Object.fromEntries(allowed);
  // `body` is the documented name of what is `text` on the wire.
  const text = point === "before_message" && !("text" in members) && "body" in members
    ? { text: members["body"] }
    : {};
  return withBody(point, { ...params, ...members, ...text });
}

/** Params with `body` beside `text`, as documented examples expect it. */
export function withBody(point: HookPoint, params: JsonObject): JsonObject {
  return point === "before_message" ? { ...params, body: params["text"] } : params;
}
