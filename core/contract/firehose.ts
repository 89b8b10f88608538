/**
 * The firehose as its clients see it: frames, cursors and filters.
 *
 * @module
 */
import { z } from "zod";
import { AgentEvent } from "./events.ts";

/** The WebSocket subprotocol; offered beside `bearer.<token>`, so that no token need be echoed. */
export const FIREHOSE_PROTOCOL = "nexo.firehose";

/** Before a token that travels as a WebSocket subprotocol. */
export const BEARER_PROTOCOL_PREFIX = "bearer.";

/** Why the firehose closes a WebSocket; beside them the standard 1001, 1009 and 1011. */
export const FIREHOSE_CLOSE = {
  /** The token expired or was taken back. */
  token: 4001,
  /** The client took too long to read. */
  slow: 4008,
} as const;

/** Watchers of a conversation that a frame names; of others it says how many they are. */
export const PRESENCE_NAMED = 32;

/** One message of the firehose. */
export const FirehoseFrame = z.discriminatedUnion("type", [
  /** The first frame. Everything after `cursor` follows. */
  z.strictObject({ type: z.literal("ready"), cursor: z.string() }),
  /** Resuming from `cursor` gives what came after this event. */
  z.strictObject({ type: z.literal("event"), cursor: z.string(), event: AgentEvent }),
  /** What came after `from`, up to and with `to`, is lost or trimmed. `to` is the cursor to resume from. */
  z.strictObject({ type: z.literal("gap"), from: z.string(), to: z.string() }),
  /**
   * Who follows a conversation with `presence=1` now: token subjects in order, and how many `more` are
   * not named. It replaces what was said of the conversation before; it has no place in the stream.
   */
  z.strictObject({
    type: z.literal("presence"),
    conversation: z.string(),
    watchers: z.array(z.string()).max(PRESENCE_NAMED),
    more: z.int().nonnegative(),
  }),
  /** The last frame before the connection ends; `cursor` is where to resume. */
  z.strictObject({
    type: z.literal("error"),
    code: z.string(),
    message: z.string(),
    cursor: z.string().optional(),
  }),
]);
/** See {@linkcode FirehoseFrame}. */
export type FirehoseFrame = z.infer<typeof FirehoseFrame>;

/** A place in a stream. Opaque to clients. */
export interface Cursor {
  /** Names the history the offset belongs to; another one means another database. */
  readonly epoch: string;
  /** The newest event seen; 0 before the first. */
  readonly offset: number;
}

/** `<epoch>.<offset>`. */
export function formatCursor(epoch: string, offset: number): string {
  return `${epoch}.${offset}`;
}

const cursorShape = /^([a-z0-9]{1,32})\.(0|[1-9][0-9]{0,15})$/;

/** The place a cursor names, or undefined when it is none. */
export function parseCursor(text: string): Cursor | undefined {
  const [, epoch, digits] = cursorShape.exec(text) ?? [];
  const offset = Number(digits);
  return epoch === undefined || !Number.isSafeInteger(offset) ? undefined : { epoch, offset };
}

/** The name of every kind of event. */
export const AgentEventKindName = z.enum(
  AgentEvent.options.map(({ shape }) => shape.kind.value) as [
    AgentEvent["kind"],
    ...AgentEvent["kind"][],
  ],
);

const names = z.array(z.string().min(1).max(64)).min(1).max(32);

/** Which events of a stream are wanted: those that fit every field given, by any of its values. */
export const EventFilter = z.strictObject({
  agent_id: names.optional(),
  kind: z.array(AgentEventKindName).min(1).optional(),
  /** Narrows an operator's stream; a tenant's holds one account only. */
  account_id: names.optional(),
  /** The `session_id` of conversations. */
  conversation: names.optional(),
});
/** See {@linkcode EventFilter}. */
export type EventFilter = z.infer<typeof EventFilter>;

/** What a filter looks at. */
export interface FilterableEvent {
  readonly account: string;
  readonly agentId: string | null;
  readonly kind: string;
  /** Its JSON; null when it was too large to carry, which then fits any conversation. */
  readonly body: string | null;
}

/** Whether `event` is wanted. */
export function matchesFilter(filter: EventFilter, event: FilterableEvent): boolean {
  const { agent_id, kind, account_id, conversation } = filter;
  if (kind !== undefined && !kind.some((one) => one === event.kind)) return false;
  if (agent_id !== undefined && (event.agentId === null || !agent_id.includes(event.agentId))) {
    return false;
  }
  if (account_id !== undefined && !account_id.includes(event.account)) return false;
  if (conversation === undefined || event.body === null) return true;
  const session = sessionOf(event.body);
  return session !== undefined && conversation.includes(session);
}

function sessionOf(body: string): string | undefined {
  // Most events of other conversations end here, unparsed.
  if (!body.includes('"session_id"')) return undefined;
  const { session_id } = JSON.parse(body) as { session_id?: unknown };
  return typeof session_id === "string" ? session_id : undefined;
}
