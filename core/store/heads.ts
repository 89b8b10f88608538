/**
 * Where streams stand: known in memory, tentative during a flush, true after its commit.
 *
 * @module
 */
import { LRUCache } from "lru-cache";

import { textOf } from "./connection.ts";
import type { Database } from "./database.ts";
import { chunksOf } from "./rows.ts";
import type { Position } from "./store.ts";

/** Offset and hash of a stream's newest row; offset 0 before the first. */
interface Head {
  readonly offset: number;
  readonly hash: string;
}

/** Heads of more streams than this are read again when needed. */
const MAX_CACHED = 100_000;

/** The heads one transaction works on. */
export interface TentativeHeads {
  /** Makes the heads of `names` known. */
  load(db: Database, names: Iterable<string>): void;
  /** The place the next row of a loaded stream takes. */
  next(name: string): Position;
  /** Gives the next place of a stream to a row with `hash`. */
  advance(name: string, hash: string): void;
  /** Keeps what was advanced since the last `keep` or `drop`. */
  keep(): void;
  /** Forgets what was advanced since the last `keep` or `drop`. */
  drop(): void;
  /** Writes every kept head once. */
  save(db: Database): void;
  /** Makes the kept heads the true ones; only after the commit. */
  adopt(): void;
}

/** Heads as of the last commit. */
export interface Heads {
  /** Starts a transaction's view. One that is not adopted leaves no trace. */
  begin(): TentativeHeads;
  /** Forgets everything, for when the database may have changed behind our back. */
  clear(): void;
}

/** Makes an empty cache over table `streams`. */
export function createHeads(): Heads {
  const cache = new LRUCache<string, Head>({ max: MAX_CACHED });
  return {
    begin: () => beginHeads(cache),
    clear: () => cache.clear(),
  };
}

/** Where a stream has come to in a transaction. */
interface Place {
  offset: number;
  hash: string;
  /** Where it was before the transaction, and when it was last kept. */
  readonly before: Head;
  kept: Head;
}

function beginHeads(cache: LRUCache<string, Head>): TentativeHeads {
  const places = new Map<string, Place>();
  /** Advanced since the last `keep` or `drop`. */
  const moved = new Set<Place>();

  function put(name: string, head: Head): void {
    places.set(name, { before: head, kept: head, ...head });
  }

  function placeOf(name: string): Place {
    const place = places.get(name);
    if (place === undefined) {
      throw new TypeError(`Cannot place a row: stream "${name}" is not loaded`);
    }
    return place;
  }

  function keptHeads(): [string, Head][] {
    const heads: [string, Head][] = [];
    for (const [name, { before, kept }] of places) {
      if (kept !== before) heads.push([name, kept]);
    }
    return heads;
  }

  return {
    load(db, names) {
      const missing = new Set<string>();
      for (const name of names) {
        if (places.has(name)) continue;
        const head = cache.get(name);
        if (head === undefined) missing.add(name);
        else put(name, head);
      }
      for (const [name, head] of readHeads(db, [...missing])) put(name, head);
    },
    next(name) {
      const { offset, hash } = placeOf(name);
      return { offset: offset + 1, prevHash: hash };
    },
    advance(name, hash) {
      const place = placeOf(name);
      place.offset += 1;
      place.hash = hash;
      moved.add(place);
    },
    keep() {
      for (const place of moved) place.kept = { offset: place.offset, hash: place.hash };
      moved.clear();
    },
    drop() {
      for (const place of moved) {
        place.offset = place.kept.offset;
        place.hash = place.kept.hash;
      }
      moved.clear();
    },
    save: (db) => saveHeads(db, keptHeads()),
    adopt() {
      for (const [name, head] of keptHeads()) cache.set(name, head);
    },
  };
}

function readHeads(db: Database, names: readonly string[]): Map<string, Head> {
  const heads = new Map<string, Head>(names.map((name) => [name, { offset: 0, hash: "" }]));
  for (const chunk of chunksOf(names)) {
    for (const row of db.all("SELECT name, head, hash FROM streams WHERE name IN $rows", chunk)) {
      heads.set(textOf(row["name"]), { offset: Number(row["head"]), hash: textOf(row["hash"]) });
    }
  }
  return heads;
}

function saveHeads(db: Database, heads: readonly (readonly [string, Head])[]): void {
  for (const chunk of chunksOf(heads)) {
    db.run(
      `INSERT INTO streams (name, head, hash) VALUES $rows
        ON CONFLICT (name) DO UPDATE SET head = excluded.head, hash = excluded.hash`,
      ...chunk.map(([name, { offset, hash }]) => [name, offset, hash]),
    );
  }
}
