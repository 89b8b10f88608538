/**
 * Finding what was said: a tenant's own words, by the full-text index.
 *
 * @module
 */
import { CodedError, type TranscriptRole } from "../contract/mod.ts";
import { clampLimit } from "../events/page.ts";
import type { Row, Store, Value } from "../store/store.ts";
import { withoutSeams } from "./index_text.ts";
import { searchExpression } from "./search_query.ts";

/** Words around a match. */
const SNIPPET_WORDS = 12;

/** A place where a searched text stands. */
export interface TranscriptHit {
  /** Rises with each entry of any session. */
  readonly id: number;
  readonly session_id: string;
  readonly timestamp_ms: number;
  readonly role: TranscriptRole;
  readonly source_plugin: string;
  /** About twelve words, matches in `[ ]`. */
  readonly snippet: string;
}

/** What to look for. */
export interface TranscriptQuery {
  readonly agentId: string;
  /** See `searchExpression`. */
  readonly text: string;
  /** Only what was said in this session. */
  readonly sessionId?: string | undefined;
  /** Exclusive: the `id` of a hit. */
  readonly before?: number | undefined;
  /** 1 to 1000. @default {50} */
  readonly limit?: number | undefined;
}

/** Finds entries, the newest first. Case and diacritics make no difference. */
export interface TranscriptSearch {
  /**
   * What these tenants and the agent said to each other; nothing for no tenants.
   *
   * @throws {CodedError} `invalid_params` for a query too long, `internal` while the index is off
   */
  search(query: TranscriptQuery & { readonly accounts: readonly string[] }): Promise<
    TranscriptHit[]
  >;
  /** The same over all tenants. */
  searchForOperator(query: TranscriptQuery): Promise<TranscriptHit[]>;
}

/** Returns the search over `store`. */
export function createTranscriptSearch(
  { store, isIndexed }: { store: Pick<Store, "readMany">; isIndexed: () => boolean },
): TranscriptSearch {
  async function find(
    { agentId, text, sessionId, before, limit }: TranscriptQuery,
    { scopes, where, args }: { scopes: readonly string[]; where: string; args: readonly Value[] },
  ): Promise<TranscriptHit[]> {
    if (!isIndexed()) {
      throw new CodedError("internal", "Cannot search: fts.enabled is false in transcripts.yaml");
    }
    if (scopes.length === 0) return [];
    const anyScope = scopes.map((scope) => `"${scope}"`).join(" OR ");
    const expression = searchExpression(text, `scope : (${anyScope})`);
    if (expression === undefined) return [];
    const rows = await store.readMany<TranscriptHit & Row>(
      `SELECT t.id, t.session_id, t.sent_at_ms AS timestamp_ms, t.role, t.source_plugin,
         snippet(transcripts_fts, 1, '[', ']', '...', ${SNIPPET_WORDS}) AS snippet
       FROM transcripts_fts JOIN transcripts AS t ON t.id = transcripts_fts.rowid
       WHERE transcripts_fts MATCH ? AND transcripts_fts.rowid < ? AND t.agent_id = ?
         ${sessionId === undefined ? "" : "AND t.session_id = ?"} AND ${where}
       ORDER BY transcripts_fts.rowid DESC LIMIT ?`,
      [
        expression,
        before ?? Number.MAX_SAFE_INTEGER,
        agentId,
        ...(sessionId === undefined ? [] : [sessionId]),
        ...args,
        clampLimit(limit),
      ],
    );
    return rows.map((hit) => ({ ...hit, snippet: withoutSeams(hit.snippet) }));
  }

  return {
    search: ({ accounts, ...query }) =>
      find(query, {
        scopes: accounts.map((account) => scopeWord(account, query.agentId)),
        // The rows say once more whose they are: no index decides alone what a tenant gets to see.
        where: `t.account_id IN (${accounts.map(() => "?").join()})`,
        args: accounts,
      }),
    searchForOperator: (query) =>
      find(query, { scopes: [agentWord(query.agentId)], where: "TRUE", args: [] }),
  };
}

/** The word that stands for a tenant's agent in the index; see the migration. */
export function scopeWord(account: string, agentId: string): string {
  return `${hex(account)}${agentWord(agentId)}`;
}

/** The word that stands for an agent, whoever's it is. */
function agentWord(agentId: string): string {
  return `x${hex(agentId)}`;
}

function hex(text: string): string {
  return Buffer.from(text).toString("hex");
}
