/**
 * What a page and its edge tell each other on the WebSocket of a conversation.
 *
 * @module
 */
import { z } from "zod";
import { CHAT_FILES, CHAT_TEXT_CHARS, ChatPage, Uuid } from "../../core/contract/mod.ts";

/** From the page: a message. */
export const VisitorFrame = z.strictObject({
  type: z.literal("say"),
  /** May be empty where files say it all. */
  text: z.string().max(CHAT_TEXT_CHARS),
  /** Files that were sent up before, by id. */
  files: z.array(Uuid).max(CHAT_FILES).optional(),
  /** The page's own id of the message; saying it again says it once. */
  client_msg_id: z.string().min(1).max(128),
});
/** See {@linkcode VisitorFrame}. */
export type VisitorFrame = z.infer<typeof VisitorFrame>;

/** To the page. */
export const ChatFrame = z.discriminatedUnion("type", [
  /** What came after the last one; the first says that the conversation is open. */
  ChatPage.omit({ session: true }).extend({ type: z.literal("page") }),
  /** An answer is being written; it is over with the next message, or after some seconds. */
  z.strictObject({ type: z.literal("typing") }),
  /** The message is kept. */
  z.strictObject({ type: z.literal("said"), client_msg_id: z.string() }),
  /** The message is not kept; `retry` says whether the same may be taken later. */
  z.strictObject({
    type: z.literal("refused"),
    client_msg_id: z.string(),
    code: z.string(),
    message: z.string(),
    retry: z.boolean(),
    retry_after_secs: z.int().nullable(),
  }),
  /** Nothing can be read at the moment; the edge goes on trying. */
  z.strictObject({ type: z.literal("trouble"), code: z.string(), message: z.string() }),
]);
/** See {@linkcode ChatFrame}. */
export type ChatFrame = z.infer<typeof ChatFrame>;

/** Codes a conversation's WebSocket is closed with, beside the protocol's own. */
export const CHAT_CLOSE = {
  /** No cookie of ours came along: the page loads itself anew, or the browser keeps none. */
  noVisitor: 4401,
  /** Nobody answers this chat. */
  notFound: 4404,
  /** The page does not read what it is sent. */
  slow: 4408,
  /** Something no page of ours sends. */
  malformed: 4400,
} as const;
