/**
 * Headers as they came: in order, each as often as it was there.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import type { HeaderPairs } from "../../contract/mod.ts";

/** The headers of a message. */
export function pairsOf({ rawHeaders }: IncomingMessage): HeaderPairs {
  const pairs: HeaderPairs = [];
  for (let i = 0; i < rawHeaders.length; i += 2) {
    pairs.push([rawHeaders[i] ?? "", rawHeaders[i + 1] ?? ""]);
  }
  return pairs;
}

/** Headers as Node takes them: what is there several times as a list. */
export function recordOf(pairs: HeaderPairs): Record<string, string | string[]> {
  const record: Record<string, string | string[]> = {};
  for (const [name, value] of pairs) {
    const before = Object.hasOwn(record, name) ? record[name] : undefined;
    record[name] = before === undefined ? value : [...[before].flat(), value];
  }
  return record;
}
