/**
 * The provider's own name of an event, read from a header or a body.
 *
 * @module
 */
import type { EdgeSource, EventBody } from "../../core/contract/mod.ts";
import type { HeaderReader } from "../../core/signing/headers.ts";
import { compilePath } from "./members.ts";

/** Reads the kind; undefined when there is none that can be used. */
export type ReadKind = (headers: HeaderReader, body: EventBody) => string | undefined;

const MAX_KIND_CHARS = 256;

/** Prepares a source's rule. */
export function createKindReader(from: EdgeSource["event_kind_from"]): ReadKind {
  if (from.kind === "header") return (headers) => usable(headers.get(from.name));
  if (from.kind === "member") {
    const beside = new Set(from.beside);
    return (_headers, { json }) => usable(ownKeys(json?.value).find((key) => !beside.has(key)));
  }
  const reads = from.paths.map(compilePath);
  const names = from.names === null ? undefined : new Map(Object.entries(from.names));
  return (_headers, { json }) => {
    for (const read of reads) {
      const found = read(json?.value);
      const kind = usable(names !== undefined && typeof found === "number" ? `${found}` : found);
      if (kind !== undefined) return names?.get(kind) ?? kind;
    }
    return json === undefined ? undefined : from.otherwise ?? undefined;
  };
}

function ownKeys(value: unknown): string[] {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? Object.keys(value)
    : [];
}

function usable(kind: unknown): string | undefined {
  return typeof kind === "string" && kind !== "" && kind.length <= MAX_KIND_CHARS
    ? kind
    : undefined;
}
