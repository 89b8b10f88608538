/**
 * What a visitor of the web chat sees of the conversation: one ordered log, from which a page that lost
 * its connection goes on without a gap and without anything twice.
 *
 * @module
 */
import { z } from "zod";
import {
  ChatFile,
  type ChatMessage,
  type ChatMessageState,
  type ChatPage,
  type Inbound,
  type OutboundBody,
  textOfBody,
} from "../contract/mod.ts";
import type { Sealer } from "../store/sealer.ts";
import { append, type Row, type Store, type Stream, type Write } from "../store/store.ts";
import type { Outbound } from "./outbound.ts";

/** The table, as listeners of the store hear it. */
export const CHAT_TABLE = "chat_messages";

/** What a page is asked for. */
export interface ChatQuery {
  readonly account: string;
  readonly sessionId: string;
  readonly after: string | undefined;
  /** Whether the visitor's own messages are wanted, too. */
  readonly own: boolean;
  /** Without `after`: the newest page. */
  readonly newest: boolean;
}

/** Rows of the table `chat_messages`. */
export interface ChatLog {
  /** To be committed with the message that came in. */
  rowsForHeard(inbound: Inbound, sessionId: string): Write[];
  /** To be committed with the row that says that it was sent. */
  rowsForSent(outbound: Outbound, sentAtMs: number): Write[];
  /** Empty for whatever this account does not have. */
  read(query: ChatQuery): Promise<Omit<ChatPage, "operator" | "session">>;
}

/** What is sealed of a message. */
const Kept = z.strictObject({
  text: z.string(),
  client_msg_id: z.string().optional(),
  files: z.array(ChatFile).optional(),
  code: z.string().optional(),
});
type Kept = z.infer<typeof Kept>;

const PAGE_ROWS = 40;
/** So many of the visitor's messages are told again what became of them. */
const STATE_ROWS = 10;

const FROM = { visitor: "visitor", agent: "agent", operator: "operator", core: "system" } as const;

interface ChatRow extends Row {
  id: string;
  seq: number;
  author: keyof typeof FROM;
  sealed: Uint8Array;
  at_ms: number;
  inbound_state: string | null;
  outcome: string | null;
  replied: number;
}

/**
 * The stream whose offsets are the seqs of a conversation. A page that has seen a seq of the time before all
 * was deleted begins anew as well, since its cursor says which row it was.
 */
function chatStream(account: string, sessionId: string): Stream {
  return {
    name: `chat:${account}/${sessionId}`,
    newest: {
      sql: "SELECT max(seq) AS offset FROM chat_messages WHERE account_id = ? AND session_id = ?",
      args: [account, sessionId],
    },
  };
}

/** What became of the inbound, as far as rows still say. */
function stateOf({ inbound_state: state, outcome, replied }: ChatRow): ChatMessageState {
  if (state === "queued") return "waiting";
  if (state === "dead") return "failed";
  // Whoever was told something knows more than a word of ours would say.
  if (state !== "done" || replied === 1) return "read";
  return outcome === "refused" ? "refused" : outcome === "error" ? "failed" : "read";
}

/** Where a row is, for whoever has it: its place, and that it is this row. */
function cursorOf({ seq, id }: Pick<ChatRow, "seq" | "id">): string {
  return `${seq}.${id.slice(-12)}`;
}

const SELECT =
  `SELECT m.id, m.seq, m.author, m.sealed, m.at_ms, i.state AS inbound_state, t.outcome,
     EXISTS (
       SELECT 1 FROM outbox o WHERE o.account_id = m.account_id
         AND o.session_id = m.session_id AND o.turn_id = i.turn_id
     ) AS replied
   FROM chat_messages m
   LEFT JOIN inbounds i ON m.author = 'visitor' AND i.id = m.id AND i.account_id = m.account_id
   LEFT JOIN turns t ON t.id = i.turn_id AND t.account_id = m.account_id
   WHERE m.account_id = ?1 AND m.session_id = ?2`;

/** A part of the visitor's message as a file of the conversation. */
function fileOf(part: Inbound["parts"][number]): ChatFile[] {
  if (part.kind !== "media") return [];
  const file = ChatFile.safeParse({
    id: part.ref,
    name: part.name ?? part.media,
    mime: part.mime,
    size: part.size,
  });
  return file.success ? [file.data] : [];
}

/** A file of ours is a public address, which the page makes a link of. */
function shownText(body: OutboundBody): string {
  if (body.kind !== "media") return textOfBody(body);
  return body.caption === null ? body.url : `${body.caption}\n${body.url}`;
}

/** What is no word of the visitor's; an empty page then means that there is nothing more. */
const ANSWERS = " AND m.author <> 'visitor'";

/** Returns the log over `store`. */
export function createChatLog(
  { store, sealer }: { store: Pick<Store, "read">; sealer: Sealer },
): ChatLog {
  const place = (account: string, id: string) => ({ table: CHAT_TABLE, account, id });

  function rowFor(
    { id, account, sessionId, author, atMs }: {
      id: string;
      account: string;
      sessionId: string;
      author: keyof typeof FROM;
      atMs: number;
    },
    kept: Kept,
  ): Write[] {
    const sealed = sealer.seal(place(account, id), JSON.stringify(kept));
    return [append(CHAT_TABLE, [chatStream(account, sessionId)], ([position]) => ({
      row: {
        id,
        account_id: account,
        session_id: sessionId,
        seq: position?.offset ?? 0,
        author,
        sealed,
        at_ms: atMs,
      },
    }))];
  }

  function messageOf(account: string, row: ChatRow): ChatMessage {
    const kept = Kept.parse(JSON.parse(sealer.openText(place(account, row.id), row.sealed)));
    return {
      id: row.id,
      from: FROM[row.author],
      sent_at_ms: row.at_ms,
      ...kept,
      ...(row.author === "visitor" ? { state: stateOf(row) } : {}),
    };
  }

  /** The seq of a cursor; undefined when its row is not there, so that nobody reads on from a wrong place. */
  async function placeOf({ account, sessionId, after }: ChatQuery): Promise<number | undefined> {
    const seq = Number(/^(\d{1,15})\.[0-9a-f]{12}$/.exec(after ?? "")?.[1] ?? Number.NaN);
    if (Number.isNaN(seq)) return undefined;
    const [row] = await store.read<Pick<ChatRow, "id" | "seq">>(
      "SELECT id, seq FROM chat_messages WHERE account_id = ? AND session_id = ? AND seq = ?",
      [account, sessionId, seq],
    );
    return row !== undefined && cursorOf(row) === after ? seq : undefined;
  }

  async function pageOf(
    query: ChatQuery,
    from: number,
  ): Promise<{ rows: ChatRow[]; more: boolean }> {
    const isNewest = query.newest && query.after === undefined;
    const rows = await store.read<ChatRow>(
      `${SELECT} AND m.seq > ?3${query.own ? "" : ANSWERS} ORDER BY m.seq ${
        isNewest ? "DESC" : "ASC"
      } LIMIT ${PAGE_ROWS + 1}`,
      [query.account, query.sessionId, from],
    );
    const page = rows.slice(0, PAGE_ROWS);
    return isNewest
      ? { rows: page.toReversed(), more: false }
      : { rows: page, more: rows.length > PAGE_ROWS };
  }

  return {
    rowsForHeard({ id, key, parts, msg_id, sent_at_ms }, sessionId) {
      const files = parts.flatMap(fileOf);
      return rowFor(
        { id, account: key.account_id, sessionId, author: "visitor", atMs: sent_at_ms },
        {
          text: parts.flatMap((part) => part.kind === "text" ? [part.text] : []).join("\n"),
          ...(files.length === 0 ? {} : { files }),
          ...(msg_id === null ? {} : { client_msg_id: msg_id }),
        },
      );
    },
    rowsForSent({ id, account_id: account, session_id: sessionId, body, author = "agent" }, atMs) {
      if (body.kind === "typing") return [];
      const code = body.kind === "text" ? body.code : undefined;
      return rowFor(
        { id, account, sessionId, author, atMs },
        { text: shownText(body), ...(code === undefined ? {} : { code }) },
      );
    },
    async read(query) {
      const { account, sessionId, after, own } = query;
      const from = await placeOf(query);
      const { rows, more } = await pageOf(query, from ?? 0);
      const mine = own
        ? await store.read<ChatRow>(
          `${SELECT} AND m.author = 'visitor' ORDER BY m.seq DESC LIMIT ${STATE_ROWS}`,
          [account, sessionId],
        )
        : [];
      const last = rows.at(-1);
      const unchanged = from === undefined ? null : after ?? null;
      return {
        messages: rows.map((row) => messageOf(account, row)),
        cursor: last === undefined ? unchanged : cursorOf(last),
        more,
        reset: after !== undefined && from === undefined,
        states: mine.map((row) => ({ id: row.id, state: stateOf(row) })),
      };
    },
  };
}
