/**
 * Answers edges that ask for the past: pages of the stream that the caller's own token opens.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import {
  type BackfillHead,
  BackfillRequest,
  CodedError,
  encodeEventBatch,
  type EventFilter,
  eventScopeOf,
  matchesFilter,
  subjects,
  type TokenClaims,
} from "../contract/mod.ts";
import { createFairTurns } from "../flow/fair_turns.ts";
import type { EventLog, EventScope, StoredEvent } from "./event_log.ts";
import { carriedLines } from "./live.ts";

/** What {@linkcode serveBackfill} needs. */
export interface BackfillDeps {
  readonly bus: Pick<Bus, "respond">;
  readonly events: Pick<EventLog, "list" | "listForOperator" | "range">;
  /** Names the log's history. */
  readonly epoch: string;
  /** The claims of a token that is good now. @throws {CodedError} `token_invalid` */
  readonly verify: (token: string) => Promise<Pick<TokenClaims, "scope" | "account_id">>;
  /** The largest answer, in bytes; a body that does not fit is left out, and told as a gap. */
  readonly maxMessageBytes: number;
  /** Ends the service. */
  readonly signal: AbortSignal;
}

/** Rows read for one page. */
const PAGE_EVENTS = 250;
/** Pages read at once; more wait, each tenant in its turn. */
const READS_AT_ONCE = 8;

/** Answers `nexo.rpc.backfill`. The caller's tenant comes from its token and from nowhere else. */
export function serveBackfill(deps: BackfillDeps): void {
  const { bus, epoch, verify, maxMessageBytes, signal } = deps;
  const inTurn = createFairTurns(READS_AT_ONCE);
  bus.respond(subjects.backfill, { signal }, async ({ data, headers }) => {
    const token = /^Bearer (\S+)$/i.exec(headers["authorization"] ?? "")?.[1];
    if (token === undefined) {
      throw new CodedError("token_invalid", "Cannot read events: a token is required");
    }
    const scope = eventScopeOf(await verify(token));
    const { after, filter } = readRequest(data);
    return inTurn(scope === "operator" ? "*" : scope.account, async () => {
      const { head } = await deps.events.range(scope);
      // Also when the stream is shorter than the caller believes: then its history was replaced.
      if (after === null || after >= head) {
        return encodeEventBatch({ epoch, head, next: head, gaps: [] }, []);
      }
      const rows = await readRows(deps.events, scope, { after, head });
      const page = createPage(rows, { scope, after, head, filter, maxMessageBytes });
      return encodeEventBatch({ epoch, head, next: page.next, gaps: page.gaps }, page.lines);
    });
  });
}

function readRequest(data: Uint8Array): BackfillRequest {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(data));
  } catch {
    // Falls through as undefined, which no request is.
  }
  const parsed = BackfillRequest.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new CodedError("invalid_params", "Cannot read events: the request is malformed");
}

async function readRows(
  events: BackfillDeps["events"],
  scope: EventScope,
  { after, head }: { after: number; head: number },
): Promise<StoredEvent[]> {
  const query = { after, before: head + 1, limit: PAGE_EVENTS };
  const page = scope === "operator"
    ? await events.listForOperator(query)
    : await events.list({ account: scope.account, ...query });
  return page.events;
}

/** What of `rows` one answer carries. What is missing between them was lost or trimmed. */
function createPage(
  rows: readonly StoredEvent[],
  { scope, after, head, filter, maxMessageBytes }: {
    scope: EventScope;
    after: number;
    head: number;
    filter: EventFilter;
    maxMessageBytes: number;
  },
): Pick<BackfillHead, "next" | "gaps"> & { lines: string[] } {
  const lines: string[] = [];
  const gaps: [number, number][] = [];
  let next = after;
  let bytes = 0;
  for (const event of rows) {
    const position = scope === "operator" ? event.id : event.offset;
    if (matchesFilter(filter, event)) {
      const [line, lineBytes] = carriedLines(event, maxMessageBytes);
      if (lines.length > 0 && bytes + lineBytes > maxMessageBytes) return { lines, gaps, next };
      lines.push(line);
      bytes += lineBytes;
    }
    if (position > next + 1) gaps.push([next + 1, position - 1]);
    next = position;
  }
  if (rows.length < PAGE_EVENTS && next < head) {
    gaps.push([next + 1, head]);
    next = head;
  }
  return { lines, gaps, next };
}
