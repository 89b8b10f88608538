/**
 * Takes secrets and personal details out of JSON, by what values look like and what they are called.
 *
 * @module
 */
import type { Redactor } from "./redactor.ts";

/** Deeper values are replaced as a whole: nothing legitimate nests so far. */
const MAX_DEPTH = 64;

const SECRET_NAME =
  /pass(?:word|wd|phrase|code)|secret|token|api[-_ ]?key|private[-_ ]?key|access[-_ ]?key|authorization|credential|cookie|bearer|xoauth2|signature|^(?:pwd|pin|cvv|cvc|otp|ssn)$/i;
/** Names that speak of how many tokens there are, not of a token. */
const COUNT_NAME = /tokens|token[-_ ]?(?:count|limit|usage|budget)/i;

/**
 * A copy of `value` with every string redacted, and every value under a name like `password`,
 * `token` or `api_key` replaced. Strings that hold JSON are redacted inside.
 *
 * Redact before serialising: escapes in JSON text can hide what a pattern looks for.
 */
export function redactJson(redact: Redactor, value: unknown): unknown {
  return redactAt(redact, value, 0);
}

function redactAt(redact: Redactor, value: unknown, depth: number): unknown {
  if (typeof value === "string") return redactString(redact, value, depth);
  if (typeof value === "number") return redactNumber(redact, value);
  if (value === null || typeof value !== "object") return value;
  if (depth >= MAX_DEPTH) return "[REDACTED:too_deep]";
  if (Array.isArray(value)) return value.map((item) => redactAt(redact, item, depth + 1));
  return redactObject(redact, value as Record<string, unknown>, depth);
}

function redactObject(redact: Redactor, value: Record<string, unknown>, depth: number): unknown {
  // A map keeps order; fromEntries defines members, so that `__proto__` stays a plain one.
  const members = new Map<string, unknown>();
  for (const [name, member] of Object.entries(value)) {
    const kept = isSecret(name, member) ? "[REDACTED:secret]" : redactAt(redact, member, depth + 1);
    members.set(freeName(members, redact(name)), kept);
  }
  return Object.fromEntries(members);
}

function isSecret(name: string, value: unknown): boolean {
  if (value === null || value === "" || typeof value === "boolean") return false;
  if (!SECRET_NAME.test(name)) return false;
  return typeof value !== "number" || !COUNT_NAME.test(name);
}

/** Two names may become one by redaction; both members stay. */
function freeName(members: ReadonlyMap<string, unknown>, name: string): string {
  if (!members.has(name)) return name;
  return `${name} (${members.size})`;
}

function redactString(redact: Redactor, text: string, depth: number): unknown {
  const inner = depth < MAX_DEPTH ? parseContainer(text) : undefined;
  if (inner !== undefined) {
    const after = JSON.stringify(redactAt(redact, inner, depth + 1));
    if (spell(inner) !== after) return after;
  }
  return redact(text);
}

/** The JSON of `value`; undefined when it nests too deeply for that. */
function spell(value: unknown): string | undefined {
  try {
    return JSON.stringify(value);
  } catch {
    return undefined;
  }
}

/** The object or array that `text` spells, if it does. */
function parseContainer(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

function redactNumber(redact: Redactor, value: number): unknown {
  const text = String(value);
  return redact(text) === text ? value : redact(text);
}
