/**
 * What happens in conversations, as it happens: a stream without silent gaps.
 *
 * @module
 */
import { AgentEvent, type AgentEventKind, messageOf } from "../../core/contract/mod.ts";
import type { AdminClient } from "./admin.ts";
import type { Log } from "./log.ts";

/** How far a reader has come in one conversation's transcript. */
export interface TranscriptPosition {
  readonly agent_id: string;
  readonly session_id: string;
  /** The last entry that was read; -1 for none. */
  readonly seq: number;
  readonly tenant_id?: string | undefined;
}

/** Entries of a transcript that could not be had. */
export interface TranscriptGap extends TranscriptPosition {
  /** The next entry that was there. */
  readonly next_seq: number | null;
  readonly reason: string;
}

/** Which events, and from where on. */
export interface EventStreamOptions<Kind extends AgentEventKind = AgentEventKind> {
  /** @default every kind core sends this microapp */
  readonly kinds?: readonly Kind[];
  readonly agentId?: string;
  readonly accountId?: string;
  readonly sessionId?: string;
  /** Transcripts to catch up with first, as a reader that was away knows them. */
  readonly resume?: readonly TranscriptPosition[];
  /** Events kept for a slow reader. Transcripts beyond it are read again later. @default {1024} */
  readonly capacity?: number;
  /** Hears of what is lost for good; otherwise it is logged. */
  readonly onGap?: (gap: TranscriptGap) => void;
  /** Ends the stream. */
  readonly signal?: AbortSignal;
}

/** Events of these kinds. */
export type EventStream<Kind extends AgentEventKind> = AsyncIterableIterator<
  Extract<AgentEvent, { kind: Kind }>
>;

/** Opens a stream; it follows from now on, or from `resume`. Needs the grant of a subscription. */
export type OpenEventStream = <Kind extends AgentEventKind = AgentEventKind>(
  options?: EventStreamOptions<Kind>,
) => EventStream<Kind>;

/** What streams are made of. */
export interface EventHubDeps {
  readonly request: AdminClient["request"];
  readonly log: Log;
  /** Ends every stream. */
  readonly signal: AbortSignal;
}

/** The streams of one microapp. */
export interface EventHub {
  readonly open: OpenEventStream;
  /** Takes a notification on its way to the streams. */
  readonly receive: (event: AgentEvent) => void;
}

type Entry = Extract<AgentEvent, { kind: "transcript_appended" }>;

const CAPACITY = 1024;
/** Entries asked for at a time. */
const PAGE = 1000;
/** Conversations whose position is known; an older one counts as new when it speaks again. */
const MAX_POSITIONS = 10_000;

/** Builds a hub without streams. */
export function createEventHub(deps: EventHubDeps): EventHub {
  const streams = new Set<(event: AgentEvent) => void>();
  return {
    receive(event) {
      for (const take of streams) take(event);
    },
    open<Kind extends AgentEventKind>(options: EventStreamOptions<Kind> = {}): EventStream<Kind> {
      const stream = openStream(options, deps, () => void streams.delete(stream.take));
      streams.add(stream.take);
      return stream.events as EventStream<Kind>;
    },
  };
}

function openStream(
  options: EventStreamOptions,
  { request, log, signal }: EventHubDeps,
  onEnd: () => void,
): { take: (event: AgentEvent) => void; events: AsyncIterableIterator<AgentEvent> } {
  const { capacity = CAPACITY } = options;
  const wants = createFilter(options);
  const positions = createPositions();
  const queue: AgentEvent[] = [];
  /** Conversations whose newest entries did not fit into the queue. */
  const behind = new Map<string, TranscriptPosition>();
  let dropped = 0;
  let wake: () => void = () => {};
  let isOpen = true;

  for (const position of options.resume ?? []) {
    positions.set(position);
    behind.set(position.session_id, position);
  }

  function take(event: AgentEvent): void {
    if (!wants(event)) return;
    if (queue.length < capacity) queue.push(event);
    else if (event.kind === "transcript_appended") {
      if (!behind.has(event.session_id)) behind.set(event.session_id, before(event));
    } else dropped += 1;
    wake();
  }

  function tellGap(gap: TranscriptGap): void {
    if (options.onGap !== undefined) options.onGap(gap);
    else log.warn("transcript entries are missing", { ...gap });
  }

  /** The entries after `from`, up to and without `until`. */
  async function* missing(from: TranscriptPosition, until: number | null): AsyncGenerator<Entry> {
    const { agent_id, session_id, tenant_id } = from;
    let { seq } = from;
    try {
      while (until === null || seq < until - 1) {
        const page = await readPage({ agent_id, session_id, tenant_id, seq });
        const wanted = page.filter((entry) => until === null || entry.seq < until);
        for (const entry of wanted) {
          if (entry.seq > seq + 1) {
            tellGap({ ...from, seq, next_seq: entry.seq, reason: "core has them no more" });
          }
          seq = entry.seq;
          yield entry;
        }
        if (wanted.length < page.length || page.length < PAGE) break;
      }
      if (until !== null && seq < until - 1) {
        tellGap({ ...from, seq, next_seq: until, reason: "core has them no more" });
      }
    } catch (error) {
      tellGap({ ...from, seq, next_seq: until, reason: messageOf(error) });
    }
  }

  async function readPage({ seq, ...of }: TranscriptPosition): Promise<Entry[]> {
    const params = { ...of, limit: PAGE, ...(seq < 0 ? {} : { since_seq: seq }) };
    const answer = await request("agent_events/read", params) as { events: unknown[] };
    return answer.events.flatMap((value) => {
      const { data } = AgentEvent.safeParse(value);
      return data?.kind === "transcript_appended" && data.seq > seq ? [data] : [];
    });
  }

  async function* inOrder(event: AgentEvent): AsyncGenerator<AgentEvent> {
    if (event.kind !== "transcript_appended") return yield event;
    const known = positions.get(event.session_id) ?? before(event);
    if (event.seq <= known.seq) return; // it came with what was read again
    for await (const entry of missing(known, event.seq)) {
      positions.set(entry);
      yield entry;
    }
    positions.set(event);
    yield event;
  }

  async function* catchUp(position: TranscriptPosition): AsyncGenerator<AgentEvent> {
    const known = positions.get(position.session_id) ?? position;
    for await (const entry of missing(known, null)) {
      positions.set(entry);
      if (wants(entry)) yield entry;
    }
  }

  async function* run(): AsyncGenerator<AgentEvent, void> {
    while (isOpen) {
      const event = queue.shift();
      const [late] = behind.values();
      if (event !== undefined) yield* inOrder(event);
      else if (late !== undefined) {
        behind.delete(late.session_id);
        yield* catchUp(late);
      } else {
        if (dropped > 0) log.warn("events were dropped: their reader is too slow", { dropped });
        dropped = 0;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  }

  const enders = options.signal === undefined ? [signal] : [signal, options.signal];
  function end(): void {
    isOpen = false;
    for (const each of enders) each.removeEventListener("abort", end);
    onEnd();
    wake();
  }
  for (const each of enders) {
    if (each.aborted) isOpen = false;
    else each.addEventListener("abort", end, { once: true });
  }

  const running = run();
  const events: AsyncIterableIterator<AgentEvent> = {
    next: () => running.next(),
    return() {
      end();
      return running.return();
    },
    [Symbol.asyncIterator]: () => events,
  };
  return { take, events };
}

const before = ({ agent_id, session_id, tenant_id, seq }: Entry): TranscriptPosition => ({
  agent_id,
  session_id,
  tenant_id,
  seq: seq - 1,
});

function createFilter({ kinds, agentId, accountId, sessionId }: EventStreamOptions) {
  const wanted = kinds === undefined ? undefined : new Set<string>(kinds);
  const fits = (asked: string | undefined, value: unknown): boolean =>
    asked === undefined || asked === value;
  return (event: AgentEvent): boolean =>
    wanted?.has(event.kind) !== false && fits(agentId, event["agent_id"]) &&
    fits(accountId, event["tenant_id"]) && fits(sessionId, event["session_id"]);
}

/** The last entry read of each conversation; the one that was quiet the longest is forgotten first. */
function createPositions() {
  const known = new Map<string, TranscriptPosition>();
  return {
    get: (sessionId: string) => known.get(sessionId),
    set({ agent_id, session_id, tenant_id, seq }: TranscriptPosition): void {
      known.delete(session_id);
      known.set(session_id, { agent_id, session_id, tenant_id, seq });
      for (const oldest of known.keys()) {
        if (known.size <= MAX_POSITIONS) break;
        known.delete(oldest);
      }
    },
  };
}
