/**
 * The newest entries of conversations that are under way, in memory: what was written a moment ago need
 * not be read and opened again for the next turn.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import type { TranscriptRole } from "../contract/mod.ts";
import type { Soon } from "../flow/soon.ts";

/** An entry as a model reads its own past. */
export interface HistoryEntry {
  readonly seq: number;
  readonly role: TranscriptRole;
  readonly body: string;
  readonly messageId: string;
  /** What was given as `modelMessage`; undefined when nothing was. */
  readonly modelMessage: unknown;
}

/** Remembers what {@linkcode RecentEntries.newest} read, and what is appended from then on. */
export interface RecentEntries {
  /**
   * The newest `limit` entries of a session, or those before a seq, oldest first; what is not remembered
   * comes from `read`.
   */
  newest(
    session: string,
    query: { readonly limit: number; readonly before: number },
    read: () => Promise<HistoryEntry[]>,
  ): Soon<readonly HistoryEntry[]>;
  /** Entries, one behind the other, are on disk now. */
  appended(session: string, entries: readonly HistoryEntry[]): void;
  /** Entries were deleted: nothing that is remembered counts. */
  readonly forget: () => void;
}

interface Known {
  /** Without a gap up to the newest, oldest first. */
  readonly entries: readonly HistoryEntry[];
  /** Whether there are none before them. */
  readonly isWhole: boolean;
  /** How much memory they take, roughly. */
  readonly chars: number;
}

const MAX_SESSIONS = 5_000;
const MAX_CHARS = 16 * 1024 * 1024;
/** Entries of one session; of too many, half go. */
const MAX_ENTRIES = 100;

/** Returns an empty memory. What was used longest ago is forgotten first. */
export function createRecentEntries(): RecentEntries {
  const known = new LRUCache<string, Known>({
    max: MAX_SESSIONS,
    maxSize: MAX_CHARS,
    sizeCalculation: ({ chars }) => 100 + chars,
  });
  /** Reads under way, by their sessions; one that is not here any more has missed something. */
  const reading = new Map<string, object>();

  async function readNewest(
    session: string,
    limit: number,
    read: () => Promise<HistoryEntry[]>,
  ): Promise<HistoryEntry[]> {
    const mark = {};
    reading.set(session, mark);
    try {
      const entries = await read();
      if (reading.get(session) === mark) {
        const isWhole = entries.length < limit;
        known.set(session, { entries: [...entries], isWhole, chars: charsOf(entries) });
      }
      return entries;
    } finally {
      if (reading.get(session) === mark) reading.delete(session);
    }
  }

  return {
    newest(session, { limit, before }, read) {
      const found = known.get(session);
      if (found !== undefined) {
        const older = olderThan(found.entries, before);
        if (older.length <= limit && found.isWhole) return older;
        if (older.length >= limit) return older.slice(-limit);
      }
      return before === Number.MAX_SAFE_INTEGER ? readNewest(session, limit, read) : read();
    },
    appended(session, fresh) {
      reading.delete(session);
      const found = known.get(session);
      const [first] = fresh;
      if (found === undefined || first === undefined) return;
      const { entries, isWhole, chars } = found;
      const last = entries.at(-1);
      if (last !== undefined && last.seq + 1 !== first.seq) return void known.delete(session);
      if (entries.length + fresh.length <= MAX_ENTRIES) {
        const all = [...entries, ...fresh];
        return void known.set(session, { entries: all, isWhole, chars: chars + charsOf(fresh) });
      }
      const kept = [...entries, ...fresh].slice(-MAX_ENTRIES / 2);
      known.set(session, { entries: kept, isWhole: false, chars: charsOf(kept) });
    },
    forget() {
      known.clear();
      reading.clear();
    },
  };
}

function olderThan(entries: readonly HistoryEntry[], before: number): readonly HistoryEntry[] {
  if ((entries.at(-1)?.seq ?? -1) < before) return entries;
  return entries.filter(({ seq }) => seq < before);
}

/** A model's message is about what its body is. */
function charsOf(entries: readonly HistoryEntry[]): number {
  let chars = 0;
  for (const { body } of entries) chars += 100 + 2 * body.length;
  return chars;
}
