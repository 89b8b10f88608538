/**
 * The newest entries of conversations that are under way, in memory: what was written a moment ago need
 * not be read and opened again for the next turn.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import type { TranscriptRole } from "../contract/mod.ts";

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
  ): Promise<HistoryEntry[]>;
  /** An entry is on disk now. */
  appended(session: string, entry: HistoryEntry): void;
  /** Entries were deleted: nothing that is remembered counts. */
  readonly forget: () => void;
}

interface Known {
  /** Without a gap up to the newest, oldest first. */
  readonly entries: readonly HistoryEntry[];
  /** Whether there are none before them. */
  readonly isWhole: boolean;
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
    // A model's message is about what its body is.
    sizeCalculation: ({ entries }) =>
      entries.reduce((sum, { body }) => sum + 100 + 2 * body.length, 100),
  });
  /** Reads under way, by their sessions; one that is not here any more has missed something. */
  const reading = new Map<string, object>();

  return {
    async newest(session, { limit, before }, read) {
      const found = known.get(session);
      const older = found?.entries.filter(({ seq }) => seq < before) ?? [];
      if (found !== undefined && (found.isWhole || older.length >= limit)) {
        return older.slice(-limit);
      }
      if (before !== Number.MAX_SAFE_INTEGER) return read();
      const mark = {};
      reading.set(session, mark);
      try {
        const entries = await read();
        if (reading.get(session) === mark) {
          known.set(session, { entries: [...entries], isWhole: entries.length < limit });
        }
        return entries;
      } finally {
        if (reading.get(session) === mark) reading.delete(session);
      }
    },
    appended(session, entry) {
      reading.delete(session);
      const found = known.get(session);
      if (found === undefined) return;
      const { entries, isWhole } = found;
      const last = entries.at(-1);
      if (last !== undefined && last.seq + 1 !== entry.seq) return void known.delete(session);
      const isFull = entries.length >= MAX_ENTRIES;
      const kept = isFull ? entries.slice(-MAX_ENTRIES / 2) : entries;
      known.set(session, { entries: [...kept, entry], isWhole: isWhole && !isFull });
    },
    forget() {
      known.clear();
      reading.clear();
    },
  };
}
