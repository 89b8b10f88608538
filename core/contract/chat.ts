/**
 * The web chat between edge and core: what an edge asks for a visitor, and what it hears of news.
 *
 * @module
 */
import { z } from "zod";
import { Slug, Uuid } from "./ids.ts";

const instance = z.string().min(1).max(64);
const contact = z.string().min(1).max(128);

/** Most characters of one message. */
export const CHAT_TEXT_CHARS = 8_000;

/** Most files of one message. */
export const CHAT_FILES = 5;

/** Bytes of a piece in which files travel between edge and core; the bus carries each as base64. */
export const CHAT_PIECE_BYTES = 192 * 1024;

/** A file in a conversation; whoever is in it gets the bytes by its id. */
export const ChatFile = z.strictObject({
  id: Uuid,
  name: z.string(),
  /** What the bytes are, whatever anybody said of them. */
  mime: z.string(),
  /** Bytes. */
  size: z.int().nonnegative(),
});
/** See {@linkcode ChatFile}. */
export type ChatFile = z.infer<typeof ChatFile>;

/** What the edge asks on behalf of a visitor. */
export const ChatRequest = z.discriminatedUnion("op", [
  z.strictObject({
    op: z.literal("say"),
    instance,
    contact,
    /** May be empty where files say it all. */
    text: z.string().trim().max(CHAT_TEXT_CHARS),
    /** Files of this conversation, by id. */
    files: z.array(Uuid).max(CHAT_FILES).optional(),
    /** The visitor's own id of the message; saying it again says it once. */
    msg_id: z.string().min(1).max(128).nullish(),
  }),
  z.strictObject({
    op: z.literal("read"),
    instance,
    contact,
    /** The cursor of the last page the visitor has; absent: from the beginning. */
    after: z.string().max(64).nullish(),
    /** Whether the visitor's own messages are wanted, too. */
    own: z.boolean().optional(),
    /** Without `after`: the newest page instead of the oldest. */
    newest: z.boolean().optional(),
  }),
  /** A piece of a file; the last one is answered with the {@linkcode ChatFile}. */
  z.strictObject({
    op: z.literal("upload"),
    instance,
    contact,
    file: Uuid,
    name: z.string().max(200),
    n: z.int().nonnegative(),
    last: z.boolean(),
    data: z.base64(),
  }),
  z.strictObject({
    op: z.literal("download"),
    instance,
    contact,
    file: Uuid,
    n: z.int().nonnegative(),
  }),
]);
/** See {@linkcode ChatRequest}. */
export type ChatRequest = z.infer<typeof ChatRequest>;

/**
 * What became of a visitor's message: it waits, the agent has it, nobody will answer it because of a
 * rule, or it could not be answered.
 */
export const ChatMessageState = z.enum(["waiting", "read", "refused", "failed"]);
/** See {@linkcode ChatMessageState}. */
export type ChatMessageState = z.infer<typeof ChatMessageState>;

/** One message as its visitor sees it. */
export const ChatMessage = z.strictObject({
  id: z.string(),
  from: z.enum(["visitor", "agent", "operator", "system"]),
  text: z.string(),
  /** Of a visitor's message. */
  client_msg_id: z.string().optional(),
  /** Of a visitor's message. */
  state: ChatMessageState.optional(),
  files: z.array(ChatFile).optional(),
  /** A code in the text that the visitor is to pass on. */
  code: z.string().optional(),
  /** Milliseconds since the epoch. */
  sent_at_ms: z.int().nonnegative(),
});
/** See {@linkcode ChatMessage}. */
export type ChatMessage = z.infer<typeof ChatMessage>;

/** Messages after a cursor, oldest first. */
export const ChatPage = z.strictObject({
  messages: z.array(ChatMessage),
  /** Read on from here; null when there is nothing at all. */
  cursor: z.string().nullable(),
  /** Whether there is more behind the cursor. */
  more: z.boolean(),
  /** Whether the cursor asked for is of no use any more: this is from the beginning of what is kept. */
  reset: z.boolean(),
  /** What became of the visitor's newest messages. */
  states: z.array(z.strictObject({ id: z.string(), state: ChatMessageState })),
  /** Whether a person answers instead of the agent. */
  operator: z.boolean(),
  /** Names the conversation in {@linkcode ChatNews}; never shown to a visitor. */
  session: z.string(),
});
/** See {@linkcode ChatPage}. */
export type ChatPage = z.infer<typeof ChatPage>;

/**
 * What core calls out to all edges: a hint to look, which may be lost. It holds no word of what was said
 * and no name of who said it.
 */
export const ChatNews = z.strictObject({
  /** Conversations in which there is something new. */
  sessions: z.array(z.string()).default([]),
  /** Conversations in which an answer is being written. */
  typing: z.array(z.string()).default([]),
  /** Whether something may be new in any of them. */
  all: z.boolean().default(false),
});
/** See {@linkcode ChatNews}. */
export type ChatNews = z.infer<typeof ChatNews>;

/** A piece of a file on its way to a visitor. */
export const ChatPiece = z.strictObject({ file: ChatFile, data: z.base64(), last: z.boolean() });
/** See {@linkcode ChatPiece}. */
export type ChatPiece = z.infer<typeof ChatPiece>;

/** How an instance looks and who may embed it; visitors may know all of it. */
export const ChatInstance = z.strictObject({
  instance: Slug,
  /** Origins whose pages may embed it; empty: no page but our own. */
  allowed_origins: z.array(z.string()),
  title: z.string().nullable(),
  welcome: z.string().nullable(),
  /** Bytes of a file that visitors may send; 0: none. */
  max_file_bytes: z.int().nonnegative(),
});
/** See {@linkcode ChatInstance}. */
export type ChatInstance = z.infer<typeof ChatInstance>;
