/**
 * E-mail addresses in text.
 *
 * @module
 */
import { mark } from "./rules.ts";

const LOCAL_CHARACTER = /[\p{L}\p{N}._%+-]/u;
const DOMAIN = /[\p{L}\p{N}-]+(?:\.[\p{L}\p{N}-]+)+/uy;
const TOP_LEVEL = /^(?:\p{L}{2,}|xn--[a-z0-9-]+)$/iu;

/**
 * Replaces e-mail addresses, in any script.
 *
 * It starts at each `@` and looks both ways, never past the address before, so that text without
 * addresses costs one search.
 */
export function redactEmails(text: string): string {
  const pieces: string[] = [];
  let kept = 0;
  let previous = 0;
  for (let at = text.indexOf("@"); at !== -1; at = text.indexOf("@", at + 1)) {
    const start = startOfLocal(text, at, Math.max(kept, previous));
    previous = at + 1;
    if (start === at) continue;
    const end = endOfDomain(text, at + 1);
    if (end === -1) continue;
    pieces.push(text.slice(kept, start), mark("email"));
    kept = end;
  }
  return kept === 0 ? text : pieces.join("") + text.slice(kept);
}

function startOfLocal(text: string, at: number, least: number): number {
  let start = at;
  while (start > least) {
    // The second half of a surrogate pair belongs to the first.
    const width = isLowSurrogate(text.charCodeAt(start - 1)) && start - 2 >= least ? 2 : 1;
    if (!LOCAL_CHARACTER.test(text.slice(start - width, start))) break;
    start -= width;
  }
  return start;
}

function isLowSurrogate(code: number): boolean {
  return code >= 0xdc00 && code <= 0xdfff;
}

/** The end of the longest domain name at `from` whose last part can be a top-level domain, or −1. */
function endOfDomain(text: string, from: number): number {
  DOMAIN.lastIndex = from;
  let domain = DOMAIN.exec(text)?.[0] ?? "";
  for (let dot = domain.lastIndexOf("."); dot > 0; dot = domain.lastIndexOf(".")) {
    const last = domain.slice(dot + 1).replace(/-+$/, "");
    if (TOP_LEVEL.test(last)) return from + dot + 1 + last.length;
    domain = domain.slice(0, dot);
  }
  return -1;
}
