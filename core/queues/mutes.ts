/**
 * Conversations in which an agent must not reply.
 *
 * @module
 */
import type { ConversationKey } from "../contract/mod.ts";
import { type Soon, whenHere } from "../flow/soon.ts";
import { type Row, statement, type Store, type Write } from "../store/store.ts";

/** A conversation that gets no replies. */
export interface MutedConversation extends Row {
  account_id: string;
  session_id: string;
  agent_id: string;
  channel: string;
  instance: string;
  contact: string;
  muted_at_ms: number;
  muted_by: string;
  muted_reason: string;
}

/** Who wants no further replies where, and since when. */
export interface Mute {
  readonly key: ConversationKey;
  readonly sessionId: string;
  /** The microapp, or the operator's name. */
  readonly by: string;
  /** Redacted; may be empty. */
  readonly reason: string;
  /** The turn that caused it, which still ends as it would. */
  readonly turnId: string | null;
  readonly atMs: number;
}

/** Rows of the table `conversations`, as far as they are about replies. */
export interface Mutes {
  /** A conversation that is muted already keeps its first reason. */
  rowsForMuted(mute: Mute): Write[];
  /** Fails with `conflict` unless the conversation is muted. */
  rowsForUnmuted(account: string, sessionId: string): Write[];
  /** Whether `turnId` must not reply; the turn that caused the mute may. */
  isMuted(account: string, sessionId: string, turnId: string): Soon<boolean>;
  find(account: string, sessionId: string): Promise<MutedConversation | undefined>;
  /** The newest first. */
  list(account: string, limit: number): Promise<MutedConversation[]>;
  /** The newest first, of all tenants. */
  listForOperator(limit: number): Promise<MutedConversation[]>;
}

const columns = "account_id, session_id, agent_id, channel, instance, contact, " +
  "muted_at_ms, muted_by, muted_reason";

/** Returns the mutes over `store`. */
export function createMutes({ store }: { store: Store }): Mutes {
  const suspects = createSuspects(store);

  async function isOnDisk(account: string, sessionId: string, turnId: string): Promise<boolean> {
    const rows = await store.readEach(
      `WITH given (call, account_id, session_id, turn_id) AS (VALUES $rows)
       SELECT given.call FROM given JOIN conversations c
         ON c.account_id = given.account_id AND c.session_id = given.session_id
       WHERE c.muted_at_ms IS NOT NULL AND c.muted_in_turn IS NOT given.turn_id`,
      [[account, sessionId, turnId]],
    );
    return rows.length > 0;
  }

  return {
    rowsForMuted({ key, sessionId, by, reason, turnId, atMs }) {
      const { account_id, agent_id, channel, instance, contact } = key;
      suspects.add(sessionId);
      return [statement(
        `INSERT INTO conversations (account_id, session_id, agent_id, channel, instance, contact,
           muted_at_ms, muted_by, muted_reason, muted_in_turn)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
         ON CONFLICT (account_id, session_id) DO UPDATE SET
           muted_at_ms = excluded.muted_at_ms, muted_by = excluded.muted_by,
           muted_reason = excluded.muted_reason, muted_in_turn = excluded.muted_in_turn
         WHERE conversations.muted_at_ms IS NULL`,
        [account_id, sessionId, agent_id, channel, instance, contact, atMs, by, reason, turnId],
      )];
    },
    rowsForUnmuted(account, sessionId) {
      return [statement(
        `UPDATE conversations
         SET muted_at_ms = NULL, muted_by = NULL, muted_reason = NULL, muted_in_turn = NULL
         WHERE account_id = ? AND session_id = ? AND muted_at_ms IS NOT NULL`,
        [account, sessionId],
        1,
      )];
    },
    isMuted: (account, sessionId, turnId) =>
      whenHere(suspects.mayBe(sessionId), (mayBe) => mayBe && isOnDisk(account, sessionId, turnId)),
    async find(account, sessionId) {
      const [row] = await store.read<MutedConversation>(
        `SELECT ${columns} FROM conversations
         WHERE account_id = ? AND session_id = ? AND muted_at_ms IS NOT NULL`,
        [account, sessionId],
      );
      return row;
    },
    list: (account, limit) =>
      store.readMany<MutedConversation>(
        `SELECT ${columns} FROM conversations WHERE account_id = ? AND muted_at_ms IS NOT NULL
         ORDER BY muted_at_ms DESC, session_id LIMIT ?`,
        [account, limit],
      ),
    listForOperator: (limit) =>
      store.readMany<MutedConversation>(
        `SELECT ${columns} FROM conversations WHERE muted_at_ms IS NOT NULL
         ORDER BY muted_at_ms DESC, session_id LIMIT ?`,
        [limit],
      ),
  };
}

/** Sessions that may be muted. */
interface Suspects {
  readonly add: (sessionId: string) => void;
  readonly mayBe: (sessionId: string) => Soon<boolean>;
}

/** So many are remembered by their ids; with more of them, all may be muted. */
const MAX_SUSPECTS = 10_000;

/**
 * Remembers every session that was muted when it was first asked, or was to be muted since: this process is
 * the only one that mutes. Most sessions never are, and need not be looked for on disk in each turn.
 */
function createSuspects(store: Pick<Store, "readMany">): Suspects {
  const sessions = new Set<string>();
  let isLoaded = false;
  let loading: Promise<void> | undefined;

  async function load(): Promise<void> {
    try {
      const rows = await store.readMany<{ session_id: string }>(
        "SELECT session_id FROM conversations WHERE muted_at_ms IS NOT NULL LIMIT ?",
        [MAX_SUSPECTS],
      );
      for (const { session_id: sessionId } of rows) sessions.add(sessionId);
      isLoaded = true;
    } finally {
      loading = undefined;
    }
  }

  const has = (sessionId: string): boolean =>
    sessions.size >= MAX_SUSPECTS || sessions.has(sessionId);

  return {
    add(sessionId) {
      if (sessions.size < MAX_SUSPECTS) sessions.add(sessionId);
    },
    mayBe(sessionId) {
      if (isLoaded) return has(sessionId);
      loading ??= load();
      return loading.then(() => has(sessionId));
    },
  };
}
