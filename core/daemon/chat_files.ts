/**
 * Files of visitors: taken in pieces, kept sealed, given back to their own conversation only.
 *
 * @module
 */
import { sniffType } from "../channels/media/sniff.ts";
import {
  CHAT_PIECE_BYTES,
  type ChatFile,
  type ChatPiece,
  type ChatRequest,
  CodedError,
} from "../contract/mod.ts";
import type { Media, MediaInfo, MediaPlace } from "../record/media.ts";

/** What visitors of one conversation may keep with us at once, sealed and in pieces. */
const MOST_HELD_BYTES = 64 * 1024 * 1024;

/** Takes a piece; the last one is answered with the file. @throws {CodedError} `invalid_params`, `store_full` */
export async function takePiece(
  place: MediaPlace,
  { n, last, name, data }: ChatRequest & { op: "upload" },
  { media, maxBytes }: { media: Media; maxBytes: number },
): Promise<{ file: ChatFile | null }> {
  const bytes = Buffer.from(data, "base64");
  const size = n * CHAT_PIECE_BYTES + bytes.length;
  const isWhole = bytes.length === CHAT_PIECE_BYTES || last;
  if (bytes.length > CHAT_PIECE_BYTES || bytes.length === 0 || !isWhole || size > maxBytes) {
    throw new CodedError("invalid_params", "Cannot take file: it is empty or too large");
  }
  if (n === 0 && await media.heldBytes(place.account, place.sessionId) > MOST_HELD_BYTES) {
    throw new CodedError("store_full", "Cannot take file: this conversation holds too many");
  }
  if (n > 0 && await media.readPiece(place, n - 1) === undefined) {
    throw new CodedError("invalid_params", "Cannot take file: a piece of it is missing");
  }
  await media.keepPiece(place, n, bytes);
  if (!last) return { file: null };
  const first = n === 0 ? bytes : await media.readPiece(place, 0);
  const mime = sniffType(first ?? new Uint8Array());
  return { file: fileOf(await media.finish(place, { size, mime, name: nameOf(name) })) };
}

/** Gives a piece of a whole file. @throws {CodedError} `not_found` for whatever this conversation has not */
export async function givePiece(place: MediaPlace, n: number, media: Media): Promise<ChatPiece> {
  const info = await media.find(place);
  const bytes = info === undefined ? undefined : await media.readPiece(place, n);
  if (info === undefined || bytes === undefined) throw unknownFile();
  const last = (n + 1) * CHAT_PIECE_BYTES >= info.size;
  return { file: fileOf(info), data: Buffer.from(bytes).toString("base64"), last };
}

/** The files of a message. @throws {CodedError} `not_found` when one is not of this conversation */
export function filesOf(
  place: Omit<MediaPlace, "id">,
  ids: readonly string[],
  media: Media,
): Promise<ChatFile[]> {
  return Promise.all(ids.map(async (id) => {
    const info = await media.find({ ...place, id });
    if (info === undefined) throw unknownFile();
    return fileOf(info);
  }));
}

function unknownFile(): CodedError {
  return new CodedError(
    "inbound_refused",
    "Cannot find file: this conversation has none of that id",
  );
}

function fileOf({ id, name, mime, size }: MediaInfo): ChatFile {
  return { id, name: name ?? "file", mime, size };
}

/** A name without a path or anything that is not shown. */
function nameOf(name: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what it takes out
  const shown = name.replaceAll(/[\u0000-\u001f\u007f\u202a-\u202e\u2066-\u2069]/g, "");
  return shown.split(/[/\\]/).at(-1)?.trim().slice(0, 120) || "file";
}
