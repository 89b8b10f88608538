/**
 * Whether transcripts are what was written: whole, unchanged, readable, and in the index.
 *
 * @module
 */
import { codeOf, type TranscriptRole } from "../contract/mod.ts";
import type { Sealer } from "../store/sealer.ts";
import type { Row, Store } from "../store/store.ts";
import { saltedDigest } from "./hash.ts";
import { openMessage } from "./model_message.ts";
import { scopeWord } from "./search.ts";
import { sessionStream } from "./transcript_rows.ts";
import { contentOf } from "./transcripts.ts";

/** What is wrong, and where. */
export interface TranscriptProblem {
  /** Empty for what concerns no single conversation. */
  readonly session_id: string;
  readonly seq: number | null;
  readonly problem: string;
}

/** What {@linkcode checkTranscripts} found. */
export interface TranscriptReport {
  readonly account: string;
  readonly ok: boolean;
  readonly sessions: number;
  readonly entries: number;
  /** Turns whose words were compared with their row in the chain. */
  readonly turns: number;
  /** At most 100. */
  readonly problems: readonly TranscriptProblem[];
}

const PAGE_ROWS = 500;
const MAX_PROBLEMS = 100;

type Reads = Pick<Store, "readMany">;
type Report = (sessionId: string, seq: number | null, problem: string) => void;

/** Accounts of which something is kept. */
export async function transcribedAccounts(store: Reads): Promise<string[]> {
  const rows = await store.readMany<{ account: string }>(
    "SELECT DISTINCT account_id AS account FROM transcripts ORDER BY account",
  );
  return rows.map(({ account }) => account);
}

/** Checks one tenant's transcripts. What was erased or trimmed on purpose is no problem. */
export async function checkTranscripts(
  deps: { readonly store: Reads; readonly sealer: Sealer },
  account: string,
): Promise<TranscriptReport> {
  const problems: TranscriptProblem[] = [];
  const report: Report = (session_id, seq, problem) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ session_id, seq, problem });
  };
  const { sessions, entries } = await checkEntries(deps, account, report);
  const turns = await checkTurns(deps.store, account, report);
  await checkIndex(deps.store, account, report);
  return { account, ok: problems.length === 0, sessions, entries, turns, problems };
}

interface EntryRow extends Row {
  session_id: string;
  seq: number;
  role: TranscriptRole;
  body: string;
  message_id: string;
  sealed: Uint8Array | null;
}

/** Seqs without a hole up to where the stream ends; messages that open. */
async function checkEntries(
  { store, sealer }: { readonly store: Reads; readonly sealer: Sealer },
  account: string,
  report: Report,
): Promise<{ sessions: number; entries: number }> {
  const prefix = sessionStream(account, "");
  const ends = new Map<string, number>();
  let entries = 0;
  for (let after = { session_id: "", seq: -1 };;) {
    const rows = await store.readMany<EntryRow>(
      `SELECT session_id, seq, role, body, message_id, sealed FROM transcripts
       WHERE account_id = ? AND (session_id, seq) > (?, ?) ORDER BY session_id, seq LIMIT ?`,
      [account, after.session_id, after.seq, PAGE_ROWS],
    );
    for (const { session_id, seq, role, body, message_id: messageId, sealed } of rows) {
      const last = ends.get(session_id);
      if (last !== undefined && seq !== last + 1) {
        report(session_id, seq, `the entry before it is ${last}`);
      }
      ends.set(session_id, seq);
      try {
        openMessage(sealer, { account, role, body, messageId }, sealed);
      } catch (error) {
        report(session_id, seq, `the model's message cannot be opened: ${codeOf(error)}`);
      }
    }
    entries += rows.length;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PAGE_ROWS) break;
    after = last;
  }
  const heads = await store.readMany<{ session: string; head: number }>(
    `SELECT substr(name, ?) AS session, head FROM streams
     WHERE name IN (SELECT ? || value FROM json_each(?))`,
    [prefix.length + 1, prefix, JSON.stringify([...ends.keys()])],
  );
  for (const { session, head } of heads) {
    const last = ends.get(session) ?? -1;
    if (last < head - 1) report(session, last, `entries up to ${head - 1} are missing`);
  }
  return { sessions: ends.size, entries };
}

interface TurnRow extends Row {
  id: string;
  offset: number;
  session_id: string;
  content_salt: string;
  content_hmac: string;
}
interface SaidRow extends Row {
  turn_id: string;
  role: TranscriptRole;
  body: string;
  sender_id: string | null;
}

/** What was said in a turn against what its row, which is chained, vouches for. */
async function checkTurns(store: Reads, account: string, report: Report): Promise<number> {
  let checked = 0;
  for (let after = 0;;) {
    const turns = await store.readMany<TurnRow>(
      `SELECT id, offset, session_id, content_salt, content_hmac FROM turns
       WHERE account_id = ? AND offset > ? AND content_salt IS NOT NULL ORDER BY offset LIMIT ?`,
      [account, after, PAGE_ROWS],
    );
    const said = await store.readMany<SaidRow>(
      `SELECT turn_id, role, body, sender_id FROM transcripts
       WHERE account_id = ? AND session_id IN (SELECT value FROM json_each(?))
         AND turn_id IN (SELECT value FROM json_each(?)) ORDER BY session_id, seq`,
      [
        account,
        JSON.stringify(turns.map(({ session_id }) => session_id)),
        JSON.stringify(turns.map(({ id }) => id)),
      ],
    );
    const entriesOf = groupByTurn(said);
    for (const { id, session_id, content_salt, content_hmac } of turns) {
      const entries = (entriesOf.get(id) ?? []).map(({ role, body, sender_id }) => ({
        role,
        body,
        senderId: sender_id,
      }));
      const [, digest] = content_hmac.split(".");
      if (saltedDigest(content_salt, contentOf(entries)) !== digest) {
        report(session_id, null, `what was said in turn ${id} is not what its row vouches for`);
      }
    }
    checked += turns.length;
    const last = turns.at(-1);
    if (last === undefined || turns.length < PAGE_ROWS) return checked;
    after = last.offset;
  }
}

function groupByTurn(rows: readonly SaidRow[]): Map<string, SaidRow[]> {
  const groups = new Map<string, SaidRow[]>();
  for (const row of rows) {
    const group = groups.get(row.turn_id);
    if (group === undefined) groups.set(row.turn_id, [row]);
    else group.push(row);
  }
  return groups;
}

/** As many entries of each agent in the index as there are. */
async function checkIndex(store: Reads, account: string, report: Report): Promise<void> {
  const agents = await store.readMany<{ agent_id: string; entries: number }>(
    `SELECT agent_id, count(*) AS entries FROM transcripts
     WHERE account_id = ? AND terms IS NOT NULL GROUP BY agent_id`,
    [account],
  );
  for (const { agent_id, entries } of agents) {
    const [found] = await store.readMany<{ entries: number }>(
      "SELECT count(*) AS entries FROM transcripts_fts WHERE transcripts_fts MATCH ?",
      [`scope : "${scopeWord(account, agent_id)}"`],
    );
    if (found?.entries !== entries) {
      report("", null, `the index has ${found?.entries} of ${entries} entries of "${agent_id}"`);
    }
  }
}
