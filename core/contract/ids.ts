/**
 * Names and identifiers, and how new ones are made.
 *
 * @module
 */
import { z } from "zod";

/** A hyphenated UUID; any case comes in, lower case goes out. */
export const Uuid = z.guid().transform((id) => id.toLowerCase());

/** A tenant: 1 to 64 of `a-z0-9-`, starting with a letter or digit. */
export const AccountId = z.string().regex(
  /^[a-z0-9][a-z0-9-]{0,63}$/,
  "must be 1 to 64 of a-z, 0-9 and -, starting with a letter or digit",
);
/** See {@linkcode AccountId}. */
export type AccountId = z.infer<typeof AccountId>;

/** The tenant of everything when no tenants are declared. */
export const DEFAULT_ACCOUNT: AccountId = "default";

/** An agent: 1 to 64 of `a-z0-9_-`. */
export const AgentId = z.string().regex(
  /^[a-z0-9][a-z0-9_-]{0,63}$/,
  "must be 1 to 64 of a-z, 0-9, _ and -, starting with a letter or digit",
);

/** One path or subject part, for channels, instances, sources and subscribers. */
export const Slug = z.string().regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  "must be 1 to 64 letters, digits, _ and -",
);

/** The source of a channel's instance: the id of its binding. */
export const ChannelSourceId = z.string().regex(
  /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}:[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
  "must be a channel and an instance, joined by a colon",
);

/** Fills a buffer with random bytes; `crypto.getRandomValues` in production. */
export type Random = (bytes: Uint8Array<ArrayBuffer>) => Uint8Array<ArrayBuffer>;

/** Milliseconds since the Unix epoch; `Date.now` in production. */
export type Clock = () => number;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

function hexOf(bytes: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += HEX[bytes[i] ?? 0];
  return text;
}

/** Of the first 16 bytes. Group by group, since engines keep short texts in one piece. */
function formatUuid(bytes: Uint8Array): string {
  return `${hexOf(bytes, 0, 4)}-${hexOf(bytes, 4, 6)}-${hexOf(bytes, 6, 8)}-` +
    `${hexOf(bytes, 8, 10)}-${hexOf(bytes, 10, 16)}`;
}

/** Makes UUIDv7s that rise in the order they are made, also within one millisecond. */
export function createUuids({ now, random }: { now: Clock; random: Random }): () => string {
  let lastMs = 0;
  let sequence = 0;
  return function uuid() {
    const bytes = random(new Uint8Array(16));
    const nowMs = now();
    if (nowMs > lastMs) {
      lastMs = nowMs;
      sequence = ((bytes[6] ?? 0) << 4 | (bytes[7] ?? 0) >> 4) & 0x7ff;
    } else if (++sequence > 0xfff) {
      lastMs += 1;
      sequence = 0;
    }
    for (let i = 5, rest = lastMs; i >= 0; i--, rest = Math.floor(rest / 256)) {
      bytes[i] = rest % 256;
    }
    bytes[6] = 0x70 | sequence >> 8;
    bytes[7] = sequence & 0xff;
    bytes[8] = 0x80 | (bytes[8] ?? 0) & 0x3f;
    return formatUuid(bytes);
  };
}

function escaped(part: string): string {
  if (!part.includes("\\") && !part.includes("\n")) return part;
  return part.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

/**
 * The UUIDv8 that stands for `parts`: the same parts give the same id, for ever.
 *
 * `sha256` gets the parts joined by newlines, and gives lower-case hex; a newline inside a part is
 * escaped, so parts cannot run into each other.
 */
export function uuidOf(sha256: (text: string) => string, ...parts: readonly string[]): string {
  let text = "";
  for (let i = 0; i < parts.length; i++) text += `${i === 0 ? "" : "\n"}${escaped(parts[i] ?? "")}`;
  const hex = sha256(text);
  const variant = "89ab"[Number.parseInt(hex.charAt(16), 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-` +
    `${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
