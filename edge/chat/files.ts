/**
 * Files of visitors by plain HTTP: sent up whole, given back to whoever is in the conversation.
 *
 * @module
 */
import { z } from "zod";
import {
  CHAT_PIECE_BYTES,
  type ChatFile,
  ChatFile as ChatFileSchema,
  ChatPiece,
  Uuid,
} from "../../core/contract/mod.ts";
import { jsonResponse } from "../reply.ts";
import type { AskChat } from "./core_desk.ts";
import type { ChatDoor, ChatPlaces } from "./door.ts";
import { type ChatCall, contactOfVisitor } from "./messages.ts";
import { ChatProblem } from "./problem.ts";

/** What the routes need. */
export interface ChatFilesDeps {
  readonly ask: AskChat;
  readonly door: ChatDoor;
  readonly places: ChatPlaces;
  readonly uuid: () => string;
}

/** The handlers; what fails is thrown. */
export interface ChatFiles {
  readonly upload: (call: ChatCall) => Promise<Response>;
  readonly download: (call: ChatCall, file: string) => Promise<Response>;
}

/** What came of a file. */
export const ChatUploaded = z.strictObject({ file: ChatFileSchema });
const Taken = z.object({ file: ChatFileSchema.nullable() });

/** Files on their way to core at once, all in memory. */
const MOST_UPLOADS = 16;
/** What browsers may show by themselves; all else is saved. */
const SHOWN = /^image\/(png|jpeg|gif|webp)$/;

const decoder = new TextDecoder();

/** Builds the handlers. */
export function createChatFiles({ ask, door, places, uuid }: ChatFilesDeps): ChatFiles {
  let uploads = 0;

  /** The visitor, who must have a cookie already: nobody begins with a file. */
  async function visitorOf({ instance, request, client }: ChatCall, act: "file" | "read") {
    door.assertInstance(instance);
    door.assertOwnPage(request);
    door.takeAddress(act, client);
    const visitor = await door.recognise(instance, request);
    if (visitor === undefined) {
      throw new ChatProblem(401, "no_visitor", "There is no cookie of ours");
    }
    door.takeVisitor(act, instance, visitor);
    return { instance, contact: contactOfVisitor(visitor) };
  }

  async function bodyOf({ instance, readBody }: ChatCall): Promise<Uint8Array> {
    const most = places.of(instance)?.max_file_bytes ?? 0;
    if (most === 0) throw new ChatProblem(403, "files_refused", "This chat takes no files");
    const read = await readBody(most);
    if (read.kind === "too_large") {
      throw new ChatProblem(413, "body_too_large", "The file is too large");
    }
    if (read.kind !== "body") {
      throw new ChatProblem(408, "request_timeout", "The file did not arrive");
    }
    if (read.bytes.length === 0) throw new ChatProblem(400, "invalid_params", "The file is empty");
    return read.bytes;
  }

  async function send(who: { instance: string; contact: string }, name: string, bytes: Uint8Array) {
    const file = uuid();
    for (let n = 0;; n++) {
      const piece = bytes.subarray(n * CHAT_PIECE_BYTES, (n + 1) * CHAT_PIECE_BYTES);
      const last = (n + 1) * CHAT_PIECE_BYTES >= bytes.length;
      const data = base64Of(piece);
      const answer = await ask({ op: "upload", ...who, file, name, n, last, data });
      const taken = Taken.parse(JSON.parse(decoder.decode(answer)));
      if (last) return taken.file;
    }
  }

  async function pieceOf(who: { instance: string; contact: string }, file: string, n: number) {
    const answer = await ask({ op: "download", ...who, file, n });
    const { data, ...piece } = ChatPiece.parse(JSON.parse(decoder.decode(answer)));
    return { ...piece, bytes: Uint8Array.from(atob(data), (char) => char.charCodeAt(0)) };
  }

  return {
    async upload(call) {
      const who = await visitorOf(call, "file");
      if (uploads >= MOST_UPLOADS) throw new ChatProblem(503, "chat_full", "Too many files", 5);
      uploads += 1;
      try {
        const bytes = await bodyOf(call);
        const name = new URL(call.request.url).searchParams.get("name") ?? "file";
        const file = await send(who, name.slice(0, 200), bytes);
        return jsonResponse(JSON.stringify({ file }), { status: 201, requestId: uuid() });
      } finally {
        uploads -= 1;
      }
    },
    async download(call, id) {
      const file = Uuid.safeParse(id);
      if (!file.success) throw new ChatProblem(404, "not_found", "There is no such file");
      const who = await visitorOf(call, "read");
      const first = await pieceOf(who, file.data, 0);
      let next = first;
      let n = 0;
      const body = new ReadableStream<Uint8Array>({
        async pull(controller) {
          if (n > 0) next = await pieceOf(who, file.data, n);
          n += 1;
          controller.enqueue(next.bytes);
          if (next.last) controller.close();
        },
      });
      return new Response(body, { headers: headersOf(first.file) });
    },
  };
}

/** A file of a stranger never becomes a page of ours. */
function headersOf({ name, mime, size }: ChatFile): Record<string, string> {
  const isShown = SHOWN.test(mime);
  const encoded = encodeURIComponent(name).replaceAll("'", "%27");
  return {
    "content-type": isShown ? mime : "application/octet-stream",
    "content-length": String(size),
    "content-disposition": `${isShown ? "inline" : "attachment"}; filename*=UTF-8''${encoded}`,
    "cache-control": "private, max-age=3600",
    "content-security-policy": "default-src 'none'; sandbox",
    "cross-origin-resource-policy": "same-origin",
  };
}

function base64Of(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += 8_192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8_192));
  }
  return btoa(text);
}
