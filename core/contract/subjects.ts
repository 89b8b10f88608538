/**
 * Bus subjects: dot-separated tokens, `*` for one of them, `>` for one or more at the end.
 *
 * @module
 */
import { CodedError } from "./errors.ts";

/** How many hops an event may take through subscribers before it counts as a loop. */
export const MAX_HOPS = 8;

const hasSpace = /\s/u;

/** Whether `subject` can be published to: no empty token, no wildcard, no white space. */
export function isSubject(subject: string): boolean {
  return subject !== "" && !hasSpace.test(subject) &&
    subject.split(".").every((token) => token !== "" && token !== "*" && token !== ">");
}

/** Whether `pattern` can be subscribed to; `>` only as its last token. */
export function isPattern(pattern: string): boolean {
  if (pattern === "" || hasSpace.test(pattern)) return false;
  const tokens = pattern.split(".");
  return tokens.every((token, i) => token !== "" && (token !== ">" || i === tokens.length - 1));
}

/** Whether `subject` falls under `pattern`. */
export function matchSubject(pattern: string, subject: string): boolean {
  return matchTokens(pattern.split("."), subject.split("."));
}

/** {@linkcode matchSubject} for tokens already split. */
export function matchTokens(pattern: readonly string[], subject: readonly string[]): boolean {
  for (let i = 0; i < pattern.length; i++) {
    if (pattern[i] === ">") return subject.length > i;
    if (i >= subject.length || (pattern[i] !== "*" && pattern[i] !== subject[i])) return false;
  }
  return pattern.length === subject.length;
}

/** Whether some subject falls under both patterns. */
export function patternsIntersect(a: string, b: string): boolean {
  const [left, right] = [a.split("."), b.split(".")];
  for (let i = 0; i < left.length || i < right.length; i++) {
    const [l, r] = [left[i], right[i]];
    if (l === ">") return r !== undefined;
    if (r === ">") return l !== undefined;
    if (l === undefined || r === undefined) return false;
    if (l !== "*" && r !== "*" && l !== r) return false;
  }
  return true;
}

const unsafe = /[^A-Za-z0-9_-]/gu;
/** Most characters that need it are dots. */
const ESCAPED_ASCII = Array.from({ length: 128 }, (_, code) => escapedByte(code));
const encoder = new TextEncoder();

/**
 * One subject token for any text, reversibly: letters, digits, `_` and `-` stay, every other byte of
 * its UTF-8 becomes `=` and two hex digits. The empty text is `=`.
 */
export function escapeToken(text: string): string {
  return text === "" ? "=" : text.replaceAll(unsafe, escapeChar);
}

function escapeChar(char: string): string {
  return ESCAPED_ASCII[char.codePointAt(0) ?? 0] ??
    Array.from(encoder.encode(char), escapedByte).join("");
}

function escapedByte(byte: number): string {
  return `=${byte.toString(16).padStart(2, "0")}`;
}

/**
 * The text a token stands for.
 *
 * @throws {CodedError} `envelope_invalid` when no text gives this token
 */
export function unescapeToken(token: string): string {
  if (token === "=") return "";
  const bytes: number[] = [];
  for (let i = 0; i < token.length; i++) {
    const char = token[i] ?? "";
    if (char !== "=") {
      bytes.push(char.charCodeAt(0));
      continue;
    }
    bytes.push(Number.parseInt(token.slice(i + 1, i + 3), 16));
    i += 2;
  }
  const text = new TextDecoder().decode(Uint8Array.from(bytes));
  if (escapeToken(text) !== token) {
    throw new CodedError(
      "envelope_invalid",
      `Cannot read subject token "${token}": not an escaped text`,
    );
  }
  return text;
}

/**
 * What gives an event its subject by a source's `publish_to`; `{event_kind}` and `${event_kind}` become
 * one token.
 */
export function compileSubject(template: string): (eventKind: string) => string {
  const parts = template.split(/\$?\{event_kind\}/);
  const render = (eventKind: string): string => parts.join(escapeToken(eventKind));
  // Most events are of the kind of the one before.
  let last = { eventKind: "", subject: render("") };
  return (eventKind) => {
    if (eventKind !== last.eventKind) last = { eventKind, subject: render(eventKind) };
    return last.subject;
  };
}

/** Builders of the subjects core and edge share. */
export const subjects = {
  webhook: (source: string, eventKind: string) => `webhook.${source}.${escapeToken(eventKind)}`,
  inbound: (channel: string, instance: string) =>
    `plugin.inbound.${escapeToken(channel)}.${escapeToken(instance)}`,
  outbound: (channel: string, instance: string) =>
    `plugin.outbound.${escapeToken(channel)}.${escapeToken(instance)}`,
  agentEvent: (account: string | null, agent: string | null, kind: string) =>
    `nexo.agent_events.${escapeToken(account ?? "_")}.${escapeToken(agent ?? "_")}.${kind}`,
  ingest: "nexo.rpc.ingest",
  admin: "nexo.rpc.admin",
  chat: "nexo.rpc.chat",
  /** Hints to edges that visitors should look. */
  chatNews: "nexo.chat.news",
  backfill: "nexo.rpc.backfill",
  ticket: "nexo.rpc.ticket",
  rejections: "nexo.rpc.rejections",
  /** Opens an exchange with a microapp's HTTP server. */
  app: (id: string) => `nexo.rpc.app.${escapeToken(id)}`,
  /** Frames of an exchange to one end of it. */
  exchange: (address: string, exchange: string) => `nexo.exchange.${address}.${exchange}`,
  liveEvents: "nexo.events.live",
  /** Who watches conversations at an edge, for the other edges. */
  presence: "nexo.edge.presence",
  edgeConfigRequest: "nexo.rpc.edge.config",
  edgeConfigPush: "nexo.edge.config",
} as const;

/** Subjects no subscriber may listen to: what core itself publishes as a mirror or a call. */
export const RESERVED_PATTERNS = ["plugin.>", "nexo.>", "agent.route.>", "_INBOX.>"] as const;
