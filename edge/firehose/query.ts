/**
 * What a client asks for, as it stands in the URL.
 *
 * @module
 */
import { CodedError, type Cursor, EventFilter, parseCursor } from "../../core/contract/mod.ts";

/** What is wanted, and from where. */
export interface FirehoseQuery {
  readonly filter: EventFilter;
  readonly since: Cursor | "start" | undefined;
  /** Whether it asks who watches its conversations. */
  readonly presence: boolean;
}

const FILTERS = ["agent_id", "kind", "account_id", "conversation"] as const;

/**
 * Reads filters (repeated or separated by commas), `presence`, and `since`, which a `Last-Event-ID` overrides.
 *
 * @throws {CodedError} `invalid_params`
 */
export function readQuery(query: URLSearchParams, lastEventId: string | null): FirehoseQuery {
  const wanted: Record<string, string[]> = {};
  for (const name of FILTERS) {
    const values = query.getAll(name).flatMap((value) => value.split(","));
    if (values.length > 0) wanted[name] = values.map((value) => value.trim());
  }
  const filter = EventFilter.safeParse(wanted);
  if (!filter.success) {
    const issue = filter.error.issues[0];
    throw new CodedError(
      "invalid_params",
      `Cannot filter by "${String(issue?.path[0])}": ${issue?.message ?? ""}`,
    );
  }
  return {
    filter: filter.data,
    since: readSince(lastEventId ?? query.get("since")),
    presence: readPresence(query.get("presence")),
  };
}

function readPresence(text: string | null): boolean {
  if (text === null || text === "0") return false;
  if (text === "1") return true;
  throw new CodedError("invalid_params", 'Cannot tell of presence: "presence" is 1 or 0');
}

function readSince(text: string | null): FirehoseQuery["since"] {
  if (text === null || text === "") return undefined;
  if (text === "0") return "start";
  const cursor = parseCursor(text);
  if (cursor !== undefined) return cursor;
  throw new CodedError(
    "invalid_params",
    'Cannot resume: "since" is no cursor; give one from a frame, or 0 for everything that is kept',
  );
}
