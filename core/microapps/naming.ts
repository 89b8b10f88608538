/**
 * The names under which a model sees a microapp's tools.
 *
 * @module
 */
import { createHash } from "node:crypto";

const MAX_BYTES = 64;
const HASH_DIGITS = 6;

const bytesOf = (text: string): number => new TextEncoder().encode(text).length;

/** As many whole characters from the start of `text` as fit into `bytes`. */
function first(text: string, bytes: number): string {
  let fitting = "";
  let used = 0;
  for (const char of text) {
    used += bytesOf(char);
    if (used > bytes) break;
    fitting += char;
  }
  return fitting;
}

/**
 * `<prefix><id>_<tool>`, shortened to 64 bytes with a digest of both names when it is longer, so that
 * two long names stay two.
 */
export function fitName(prefix: string, id: string, tool: string): string {
  const whole = `${prefix}${id}_${tool}`;
  if (bytesOf(whole) <= MAX_BYTES) return whole;
  const digest = createHash("sha256").update(`${id}\0${tool}`).digest("hex").slice(0, HASH_DIGITS);
  const fixedBytes = bytesOf(prefix) + bytesOf(id) + HASH_DIGITS + 2;
  if (fixedBytes <= MAX_BYTES) {
    return `${prefix}${id}_${first(tool, MAX_BYTES - fixedBytes)}_${digest}`;
  }
  return `${prefix}${first(id, MAX_BYTES - bytesOf(prefix) - HASH_DIGITS - 1)}_${digest}`;
}

/** The model-visible name of a microapp's tool. */
export function toolName(microappId: string, tool: string): string {
  return visibleName(fitName("ext_", microappId, tool));
}

/**
 * A name as providers take it: they refuse a whole request over one character they do not know, so
 * anything but letters, digits, `_` and `-` becomes `_`.
 */
export function visibleName(name: string): string {
  return first(name, MAX_BYTES).replaceAll(/[^A-Za-z0-9_-]/gu, "_");
}
