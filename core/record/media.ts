/**
 * Files that people sent, sealed on disk in pieces, so that none of them is ever one large row.
 *
 * @module
 */
import { CHAT_PIECE_BYTES, type Clock, CodedError } from "../contract/mod.ts";
import type { SealPlace } from "../store/sealer.ts";
import { insert, type Row, type Store } from "../store/store.ts";

/** Where a file belongs. */
export interface MediaPlace {
  readonly account: string;
  readonly sessionId: string;
  readonly id: string;
}

/** A file without its bytes. */
export interface MediaInfo {
  readonly id: string;
  readonly name: string | null;
  /** What the bytes are. */
  readonly mime: string;
  /** Bytes. */
  readonly size: number;
}

/** Files of all tenants; whoever asks names the tenant and the conversation. */
export interface Media {
  /** Keeps a whole file; one that is kept already under this id stays as it is. */
  keep(
    place: MediaPlace,
    file: { readonly bytes: Uint8Array; readonly mime: string; readonly name: string | null },
  ): Promise<MediaInfo>;
  /** Keeps a piece of a file that arrives in pieces, counted from 0; a repeated one stays as it was. */
  keepPiece(place: MediaPlace, n: number, bytes: Uint8Array): Promise<void>;
  /** A piece as it was kept; undefined for whatever this conversation does not have. */
  readPiece(place: MediaPlace, n: number): Promise<Uint8Array | undefined>;
  /** Says that the pieces so far are the whole file. */
  finish(
    place: MediaPlace,
    file: { readonly size: number; readonly mime: string; readonly name: string | null },
  ): Promise<MediaInfo>;
  /** Undefined for whatever this conversation does not have. */
  find(place: MediaPlace): Promise<MediaInfo | undefined>;
  /** A whole file; undefined for whatever this conversation does not have. */
  read(place: MediaPlace): Promise<Uint8Array | undefined>;
  /** Bytes a conversation holds, pieces of files that are not whole included. */
  heldBytes(account: string, sessionId: string): Promise<number>;
}

/** Keeps bytes sealed; the vault provides it. */
export interface ByteSealer {
  readonly seal: (where: SealPlace, bytes: Uint8Array | string) => Uint8Array;
  /** @throws {CodedError} `sealed_unreadable` */
  readonly open: (where: SealPlace, sealed: Uint8Array) => Uint8Array;
}

/** Bytes of a piece, and pieces in one commit. */
const PIECE_BYTES = CHAT_PIECE_BYTES;
const COMMIT_PIECES = 4;

interface MediaRow extends Row {
  id: string;
  sealed: Uint8Array;
  mime: string;
  size: number;
}

/** Returns the files in `store`. */
export function createMedia(
  { store, sealer, now }: {
    store: Pick<Store, "commit" | "read" | "readMany">;
    sealer: ByteSealer;
    now: Clock;
  },
): Media {
  const placeOf = (table: string, account: string, id: string) => ({ table, account, id });
  const decoder = new TextDecoder();

  async function find({ account, sessionId, id }: MediaPlace): Promise<MediaInfo | undefined> {
    const [row] = await store.read<MediaRow>(
      "SELECT id, sealed, mime, size FROM media WHERE account_id = ? AND session_id = ? AND id = ?",
      [account, sessionId, id],
    );
    if (row === undefined) return undefined;
    const opened = sealer.open(placeOf("media", account, id), row.sealed);
    const name = JSON.parse(decoder.decode(opened)) as string | null;
    return { id, name, mime: row.mime, size: row.size };
  }

  function rowOfPiece({ account, sessionId, id }: MediaPlace, n: number, bytes: Uint8Array) {
    const pieceId = `${id}/${n}`;
    return insert("media_pieces", {
      id: pieceId,
      account_id: account,
      session_id: sessionId,
      media_id: id,
      n,
      sealed: sealer.seal(placeOf("media_pieces", account, pieceId), bytes),
      created_at_ms: now(),
    }, "ignore");
  }

  const finish: Media["finish"] = async (place, { size, mime, name }) => {
    const { account, sessionId, id } = place;
    await store.commit([insert("media", {
      id,
      account_id: account,
      session_id: sessionId,
      sealed: sealer.seal(placeOf("media", account, id), JSON.stringify(name)),
      mime,
      size,
      created_at_ms: now(),
    }, "ignore")]);
    return { id, name, mime, size };
  };

  return {
    find,
    finish,
    keepPiece: (place, n, bytes) => store.commit([rowOfPiece(place, n, bytes)]),
    async readPiece({ account, sessionId, id }, n) {
      const [row] = await store.read<{ id: string; sealed: Uint8Array }>(
        `SELECT id, sealed FROM media_pieces
         WHERE account_id = ? AND session_id = ? AND media_id = ? AND n = ?`,
        [account, sessionId, id, n],
      );
      if (row === undefined) return undefined;
      return sealer.open(placeOf("media_pieces", account, row.id), row.sealed);
    },
    async keep(place, { bytes, mime, name }) {
      const known = await find(place);
      if (known !== undefined) return known;
      for (let at = 0; at < bytes.length; at += PIECE_BYTES * COMMIT_PIECES) {
        const writes = [];
        const end = Math.min(bytes.length, at + PIECE_BYTES * COMMIT_PIECES);
        for (let from = at; from < end; from += PIECE_BYTES) {
          const piece = bytes.subarray(from, Math.min(end, from + PIECE_BYTES));
          writes.push(rowOfPiece(place, from / PIECE_BYTES, piece));
        }
        await store.commit(writes);
      }
      // Only now that it is whole.
      return finish(place, { size: bytes.length, mime, name });
    },
    async read(place) {
      const info = await find(place);
      if (info === undefined) return undefined;
      const pieces = await store.readMany<{ id: string; sealed: Uint8Array }>(
        "SELECT id, sealed FROM media_pieces WHERE account_id = ? AND session_id = ? AND media_id = ? ORDER BY n",
        [place.account, place.sessionId, place.id],
      );
      const bytes = new Uint8Array(info.size);
      let at = 0;
      for (const { id, sealed } of pieces) {
        const piece = sealer.open(placeOf("media_pieces", place.account, id), sealed);
        if (at + piece.length > bytes.length) break;
        bytes.set(piece, at);
        at += piece.length;
      }
      if (at === info.size) return bytes;
      throw new CodedError(
        "sealed_unreadable",
        `Cannot open file "${place.id}": pieces of it are missing`,
      );
    },
    async heldBytes(account, sessionId) {
      const [row] = await store.read<{ bytes: number }>(
        `SELECT coalesce(sum(length(sealed)), 0) AS bytes FROM media_pieces
         WHERE account_id = ? AND session_id = ?`,
        [account, sessionId],
      );
      return row?.bytes ?? 0;
    },
  };
}
