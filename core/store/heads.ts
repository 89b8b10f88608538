/**
 * Where streams stand: known in memory, tentative during a flush, true after its commit.
 *
 * @module
 */
import { textOf } from "./connection.ts";
import type { Database } from "./database.ts";
import { chunksOf } from "./rows.ts";
import type { Position, Stream } from "./store.ts";

/** Offset and hash of a stream's newest row; offset 0 before the first. */
interface Head {
  readonly offset: number;
  readonly hash: string;
}

/** With so many known all are forgotten, and read again when needed. */
const MAX_CACHED = 100_000;

/** The heads one transaction works on. */
export interface TentativeHeads {
  /** Makes the heads of `streams` known, by their names. */
  load(db: Database, streams: ReadonlyMap<string, Stream>): void;
  /** The place the next row of a loaded stream takes. */
  next(name: string): Position;
  /** Gives the next place of a stream to a row with `hash`. */
  advance(name: string, hash: string): void;
  /** Keeps what was advanced since the last `keep` or `drop`. */
  keep(): void;
  /** Forgets what was advanced since the last `keep` or `drop`. */
  drop(): void;
  /** Writes every kept head once, but for those of streams that have none. */
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
  const cache = new Map<string, Head>();
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
  /** Whether the head is in table `streams`. */
  readonly isSaved: boolean;
}

function beginHeads(cache: Map<string, Head>): TentativeHeads {
  const places = new Map<string, Place>();
  /** Advanced since the last `keep` or `drop`. */
  const moved = new Set<Place>();

  function put(stream: Stream, head: Head): void {
    const isSaved = typeof stream === "string";
    const { offset, hash } = head;
    places.set(nameOf(stream), { offset, hash, before: head, kept: head, isSaved });
  }

  function placeOf(name: string): Place {
    const place = places.get(name);
    if (place === undefined) {
      throw new TypeError(`Cannot place a row: stream "${name}" is not loaded`);
    }
    return place;
  }

  /** Streams that go on behind where they were before the transaction. */
  function advanced(): [string, Place][] {
    return [...places].filter(([, { before, kept }]) => kept !== before);
  }

  return {
    load(db, streams) {
      const missing: string[] = [];
      for (const [name, stream] of streams) {
        if (places.has(name)) continue;
        const head = cache.get(name);
        if (head !== undefined) put(stream, head);
        else if (typeof stream === "string") missing.push(stream);
        else put(stream, readNewest(db, stream.newest));
      }
      for (const [name, head] of readHeads(db, missing)) put(name, head);
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
    save(db) {
      saveHeads(db, advanced().filter(([, { isSaved }]) => isSaved));
    },
    adopt() {
      if (cache.size >= MAX_CACHED) cache.clear();
      for (const [name, { kept }] of advanced()) cache.set(name, kept);
    },
  };
}

/** What a stream is known by. */
export function nameOf(stream: Stream): string {
  return typeof stream === "string" ? stream : stream.name;
}

function readNewest(
  db: Database,
  { sql, args }: Exclude<Stream, string>["newest"],
): Head {
  return { offset: Number(db.all(sql, args)[0]?.["offset"] ?? 0), hash: "" };
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

function saveHeads(db: Database, places: readonly (readonly [string, Place])[]): void {
  for (const chunk of chunksOf(places)) {
    db.run(
      `INSERT INTO streams (name, head, hash) VALUES $rows
        ON CONFLICT (name) DO UPDATE SET head = excluded.head, hash = excluded.hash`,
      ...chunk.map(([name, { kept }]) => [name, kept.offset, kept.hash]),
    );
  }
}
