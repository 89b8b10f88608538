/**
 * The files of a turn: fetched once, kept sealed, shown to a model that takes them, named to all others.
 *
 * @module
 */
import { type Inbound, messageOf, type MessagePart, uuidOf } from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import type { Log } from "../flow/log.ts";
import type { Soon } from "../flow/soon.ts";
import type { ModelFile, ModelMessage } from "../models/model.ts";
import type { Media, MediaInfo } from "../record/media.ts";
import { sessionIdOf } from "./session.ts";

type MediaPart = Extract<MessagePart, { kind: "media" }>;

/** Fetches the file of a part from its channel. @throws when it cannot be had */
export type FetchPart = (
  key: Inbound["key"],
  ref: string,
  options: { signal: AbortSignal },
) => Promise<{ readonly bytes: Uint8Array; readonly mime: string }>;

/** What a turn's messages brought beside text. */
export interface TurnFiles {
  readonly files: readonly ModelFile[];
  /** What a model is told of them in words, line by line: what a text says, and what could not be had. */
  readonly notes: readonly string[];
}

/** The files of turns. */
export interface Files {
  /** Fetches what the messages brought, or finds it where an earlier run kept it. Fails only with the signal. */
  readonly gather: (inbounds: readonly Inbound[], signal: AbortSignal) => Soon<TurnFiles>;
  /** The bytes of the newest files in a conversation, by id: as many as a request should carry. */
  readonly load: (
    inbound: Inbound,
    messages: readonly ModelMessage[],
  ) => Soon<ReadonlyMap<string, Uint8Array>>;
}

/** A file on its way in: whose, which of its parts, and what is said of it. */
interface Brought {
  readonly inbound: Inbound;
  readonly index: number;
  readonly part: MediaPart;
}

const NOTHING_BROUGHT: TurnFiles = { files: [], notes: [] };
const NO_BYTES: ReadonlyMap<string, Uint8Array> = new Map();

/** Files of one turn; more are named and left where they are. */
const MAX_FILES = 10;
/** Characters of a text that are read to the model. */
const TEXT_CHARS = 20_000;
/** Files and bytes in one request to a model. */
const REQUEST_FILES = 6;
const REQUEST_BYTES = 12 * 1024 * 1024;

/** The id of a part's file in our own storage: the same at every run of a turn. */
export function fileIdOf(inbound: Pick<Inbound, "id">, index: number): string {
  return uuidOf(sha256, "file", inbound.id, String(index));
}

/** Returns the files over `media`. */
export function createFiles(
  { media, fetchPart, log }: { media: Media; fetchPart: FetchPart; log: Log },
): Files {
  async function keep(inbound: Inbound, index: number, part: MediaPart, signal: AbortSignal) {
    const { key } = inbound;
    const place = {
      account: key.account_id,
      sessionId: sessionIdOf(key),
      id: fileIdOf(inbound, index),
    };
    // What a visitor of the web chat sent is in this conversation's storage already.
    return await media.find({ ...place, id: part.ref }) ?? await media.find(place) ??
      await media.keep(place, { ...await fetchPart(key, part.ref, { signal }), name: part.name });
  }

  async function textOf(inbound: Inbound, { id }: MediaInfo): Promise<string> {
    const { key } = inbound;
    const bytes = await media.read({
      account: key.account_id,
      sessionId: sessionIdOf(key),
      id,
    });
    return new TextDecoder().decode(bytes);
  }

  async function fetchAll(parts: readonly Brought[], signal: AbortSignal): Promise<TurnFiles> {
    const files: ModelFile[] = [];
    const notes: string[] = [];
    for (const [count, { inbound, index, part }] of parts.entries()) {
      const name = part.name ?? part.media;
      if (count >= MAX_FILES) {
        notes.push(`[${name} was not opened: too many files at once]`);
        continue;
      }
      try {
        const info = await keep(inbound, index, part, signal);
        if (info.mime === "text/plain") {
          const text = await textOf(inbound, info);
          const cut = text.length > TEXT_CHARS ? "\n[the rest is left out]" : "";
          notes.push(`[content of ${name}]\n${text.slice(0, TEXT_CHARS)}${cut}`);
        } else files.push({ id: info.id, mime: info.mime, name: info.name });
      } catch (error) {
        signal.throwIfAborted();
        log.warn("media.unfetched", {
          account: inbound.key.account_id,
          channel: inbound.key.channel,
          error: messageOf(error),
        });
        notes.push(`[${name} could not be opened]`);
      }
    }
    return { files, notes };
  }

  async function loadAll(key: Inbound["key"], newest: readonly ModelFile[]) {
    const loaded = new Map<string, Uint8Array>();
    let bytes = 0;
    for (const { id } of newest) {
      if (loaded.size >= REQUEST_FILES) break;
      const place = { account: key.account_id, sessionId: sessionIdOf(key), id };
      const { size } = await media.find(place) ?? { size: Infinity };
      if (bytes + size > REQUEST_BYTES) continue;
      const found = await media.read(place);
      if (found === undefined) continue;
      bytes += size;
      loaded.set(id, found);
    }
    return loaded;
  }

  return {
    gather(inbounds, signal) {
      const parts: Brought[] = [];
      for (const inbound of inbounds) {
        for (const [index, part] of inbound.parts.entries()) {
          if (part.kind === "media") parts.push({ inbound, index, part });
        }
      }
      return parts.length === 0 ? NOTHING_BROUGHT : fetchAll(parts, signal);
    },
    load({ key }, messages) {
      const wanted: ModelFile[] = [];
      for (const message of messages) {
        if (message.role === "user" && message.files !== undefined) wanted.push(...message.files);
      }
      return wanted.length === 0 ? NO_BYTES : loadAll(key, wanted.toReversed());
    },
  };
}
