/**
 * Rows of the table `pairings`.
 *
 * @module
 */
import type { PairingState } from "../contract/mod.ts";
import type { Sealer } from "../store/sealer.ts";
import { insert, type Row, statement, type Store, type Write } from "../store/store.ts";

/** One challenge, its code left out. */
export interface Challenge extends Row {
  id: string;
  account_id: string;
  agent_id: string;
  channel: string;
  instance: string;
  kind: "link" | "knock";
  state: PairingState;
  sender_id: string | null;
  created_at_ms: number;
  expires_at_ms: number;
}

/** A line of a tenant. */
export interface TenantLine {
  readonly account_id: string;
  readonly channel: string;
  readonly instance: string;
}

/** The challenges of all tenants. */
export interface Challenges {
  rowsForNew(challenge: Challenge, code: string): Write[];
  /** Moves one on; the unit fails with `conflict` unless it is in one of `from`. */
  rowsForState(
    challenge: Challenge,
    state: PairingState,
    from: readonly PairingState[],
    senderId?: string,
  ): Write[];
  find(account: string, id: string): Promise<Challenge | undefined>;
  /** An id alone, for callers whose grant is checked with what is found. */
  findForOperator(id: string): Promise<Challenge | undefined>;
  findByCode(line: TenantLine, code: string): Promise<Challenge | undefined>;
  /** The stranger's latest knock. */
  lastKnock(line: TenantLine, senderId: string): Promise<Challenge | undefined>;
  codeOf(challenge: Challenge): Promise<string | undefined>;
  /** Open challenges of all tenants whose time is over, at most 500. */
  overdueForOperator(nowMs: number): Promise<Challenge[]>;
  /** Forgets what ended before a time; of all tenants. */
  rowsForForgetting(beforeMs: number): Write[];
}

const columns =
  "id, account_id, agent_id, channel, instance, kind, state, sender_id, created_at_ms, expires_at_ms";
const OPEN = "('pending', 'qr_ready', 'awaiting_user')";

/** States a challenge can still move on from. */
export const OPEN_STATES = [
  "pending",
  "qr_ready",
  "awaiting_user",
] as const satisfies readonly PairingState[];

/** Whether a challenge is over. */
export function isFinal(state: PairingState): boolean {
  return !(OPEN_STATES as readonly PairingState[]).includes(state);
}

/** Returns the challenges over `store`; `mac` is keyed, so that codes cannot be tried against the table. */
export function createChallenges(
  { store, sealer, mac }: { store: Store; sealer: Sealer; mac: (text: string) => string },
): Challenges {
  const place = ({ account_id, id }: Challenge) => ({ table: "pairings", account: account_id, id });
  const one = async (sql: string, args: (string | number)[]): Promise<Challenge | undefined> =>
    (await store.read<Challenge>(`SELECT ${columns} FROM pairings WHERE ${sql}`, args))[0];
  return {
    rowsForNew: (challenge, code) => [insert("pairings", {
      ...challenge,
      code_mac: mac(code),
      sealed: sealer.seal(place(challenge), code),
    })],
    rowsForState: ({ account_id, id }, state, from, senderId) => [statement(
      `UPDATE pairings SET state = ?, sender_id = coalesce(?, sender_id)${
        isFinal(state) ? ", sealed = NULL" : ""
      } WHERE account_id = ? AND id = ? AND state IN (${from.map(() => "?").join(", ")})`,
      [state, senderId ?? null, account_id, id, ...from],
      1,
    )],
    find: (account, id) => one("account_id = ? AND id = ?", [account, id]),
    findForOperator: (id) => one("id = ?", [id]),
    findByCode: ({ account_id, channel, instance }, code) =>
      one("account_id = ? AND channel = ? AND instance = ? AND code_mac = ?", [
        account_id,
        channel,
        instance,
        mac(code),
      ]),
    lastKnock: ({ account_id, channel, instance }, senderId) =>
      one(
        `account_id = ? AND channel = ? AND instance = ? AND sender_id = ? AND kind = 'knock'
         ORDER BY created_at_ms DESC LIMIT 1`,
        [account_id, channel, instance, senderId],
      ),
    async codeOf(challenge) {
      const [row] = await store.read<{ sealed: Uint8Array | null }>(
        "SELECT sealed FROM pairings WHERE account_id = ? AND id = ?",
        [challenge.account_id, challenge.id],
      );
      return row?.sealed == null ? undefined : sealer.openText(place(challenge), row.sealed);
    },
    overdueForOperator: (nowMs) =>
      store.readMany<Challenge>(
        `SELECT ${columns} FROM pairings WHERE state IN ${OPEN} AND expires_at_ms <= ?
         ORDER BY expires_at_ms LIMIT 500`,
        [nowMs],
      ),
    rowsForForgetting: (beforeMs) => [statement(
      `DELETE FROM pairings WHERE state NOT IN ${OPEN} AND expires_at_ms < ?`,
      [beforeMs],
    )],
  };
}
