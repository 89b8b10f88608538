/**
 * One open conversation: what is new goes to its page once and in order, what its visitor says to core.
 *
 * @module
 */
import { type ChatMessageState, ChatPage, codeOf, ERROR_CODES } from "../../core/contract/mod.ts";
import { delay } from "../../core/flow/delay.ts";
import type { Log } from "../../core/flow/log.ts";
import type { EdgeSocket } from "../sockets.ts";
import type { AskChat } from "./core_desk.ts";
import { CHAT_CLOSE, type ChatFrame, VisitorFrame } from "./frames.ts";
import type { ChatReader, ChatReaders } from "./news.ts";
import { ChatProblem, problemOf } from "./problem.ts";

/** Whose conversation, and from where it is read on. */
export interface ConversationPlace {
  readonly instance: string;
  readonly contact: string;
  /** The cursor the page has; undefined for the newest messages. */
  readonly after: string | undefined;
}

/** What a conversation needs. */
export interface ConversationDeps {
  readonly ask: AskChat;
  readonly readers: ChatReaders;
  /** @throws {ChatProblem} when the visitor says too much at once */
  readonly admit: () => void;
  /** Hears what became of each message: `accepted`, or the code of its refusal. */
  readonly onSaid: (result: string) => void;
  readonly now: () => number;
  readonly uuid: () => string;
  readonly log: Log;
}

/** An open conversation. */
export interface Conversation {
  readonly receive: (data: string | Uint8Array) => void;
  readonly end: () => void;
}

/** Messages of one page on their way to core. */
const MAX_WAITING = 32;
/** Bytes a page may leave unread. */
const MAX_UNREAD_BYTES = 1024 * 1024;
/** Everybody looks at least so often, and is pinged. */
const LOOK_EVERY_MS = 60_000;
const PING_EVERY_MS = 30_000;
const RETRY = { firstMs: 500, maxMs: 15_000 };

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Opens a conversation on `socket`. */
export function openConversation(
  socket: EdgeSocket,
  { instance, contact, after }: ConversationPlace,
  deps: ConversationDeps,
): Conversation {
  const { ask, readers, log } = deps;
  const stop = new AbortController();
  const said: VisitorFrame[] = [];
  let cursor = after;
  let session: string | undefined;
  let shown = "";
  let isLooking = false;
  let isToLook = false;
  let isSaying = false;
  let lookedAtMs = deps.now();
  let pingedAtMs = deps.now();

  function send(frame: ChatFrame): void {
    if (stop.signal.aborted) return;
    if (socket.bufferedBytes() > MAX_UNREAD_BYTES) return close(CHAT_CLOSE.slow, "too slow");
    // In order: each is handed to the socket before this returns.
    void socket.sendMessage(encoder.encode(JSON.stringify(frame)), true);
  }

  function close(code: number, reason: string): void {
    socket.close(code, reason);
    end();
  }

  function end(): void {
    if (stop.signal.aborted) return;
    readers.delete(reader);
    stop.abort();
  }

  function look(): void {
    isToLook = true;
    if (isLooking) return;
    isLooking = true;
    void readOn();
  }

  /** Reads until nothing is new; whatever fails is tried again while the page is there. */
  async function readOn(): Promise<void> {
    for (let failures = 0; isToLook && !stop.signal.aborted;) {
      isToLook = false;
      try {
        const page = await readPage();
        failures = 0;
        show(page);
        if (page.more) isToLook = true;
      } catch (error) {
        const problem = problemOf(error, deps.uuid(), log);
        if (problem.code === "not_found") return close(CHAT_CLOSE.notFound, "not found");
        failures += 1;
        isToLook = true;
        shown = "";
        send({ type: "trouble", code: problem.code, message: problem.message });
        const pauseMs = Math.min(RETRY.maxMs, RETRY.firstMs * 2 ** (failures - 1));
        await delay(pauseMs, { signal: stop.signal }).catch(() => undefined);
      }
    }
    isLooking = false;
  }

  async function readPage(): Promise<ChatPage> {
    const answer = await ask({
      op: "read",
      instance,
      contact,
      own: true,
      newest: true,
      ...(cursor === undefined ? {} : { after: cursor }),
    });
    lookedAtMs = deps.now();
    return ChatPage.parse(JSON.parse(decoder.decode(answer)));
  }

  function show({ session: named, ...page }: ChatPage): void {
    const before = session;
    session = named;
    if (before !== session) readers.name(reader, before);
    cursor = page.cursor ?? undefined;
    const state = stateKey(page);
    if (page.messages.length === 0 && !page.reset && state === shown) return;
    shown = state;
    send({ type: "page", ...page });
  }

  async function sayOn(): Promise<void> {
    for (let next = said[0]; next !== undefined && !stop.signal.aborted; next = said[0]) {
      await say(next);
      said.shift();
    }
    isSaying = false;
  }

  async function say({ text, files, client_msg_id }: VisitorFrame): Promise<void> {
    try {
      deps.admit();
      const more = files === undefined ? {} : { files };
      await ask({ op: "say", instance, contact, text, ...more, msg_id: client_msg_id });
      deps.onSaid("accepted");
      send({ type: "said", client_msg_id });
    } catch (error) {
      refuse(client_msg_id, error);
    }
    look();
  }

  function refuse(client_msg_id: string, error: unknown): void {
    const { code, message, retryAfterSecs } = problemOf(error, deps.uuid(), log);
    deps.onSaid(code);
    const retry = error instanceof ChatProblem
      ? retryAfterSecs !== undefined
      : ERROR_CODES[codeOf(error)].retry || code === "rate_limited";
    const retry_after_secs = retryAfterSecs ?? null;
    send({ type: "refused", client_msg_id, code, message, retry, retry_after_secs });
  }

  const reader: ChatReader = {
    session: () => session,
    look,
    typing: () => send({ type: "typing" }),
    tick(nowMs) {
      if (nowMs - lookedAtMs > LOOK_EVERY_MS) {
        lookedAtMs = nowMs;
        look();
      }
      if (nowMs - pingedAtMs < PING_EVERY_MS) return;
      pingedAtMs = nowMs;
      if (!socket.ping()) socket.terminate();
    },
  };
  readers.add(reader);
  look();

  return {
    receive(data) {
      const frame = readFrame(data);
      if (frame === undefined) return close(CHAT_CLOSE.malformed, "malformed");
      if (said.length >= MAX_WAITING) {
        const problem = new ChatProblem(429, "rate_limited", "Too many messages at once", 2);
        return refuse(frame.client_msg_id, problem);
      }
      said.push(frame);
      if (isSaying) return;
      isSaying = true;
      void sayOn();
    },
    end,
  };
}

/** What is shown beside messages; the page is told again when it changes. */
function stateKey({ states, operator }: Pick<ChatPage, "operator" | "states">): string {
  const told: [boolean, (readonly [string, ChatMessageState])[]] = [
    operator,
    states.map(({ id, state }) => [id, state] as const),
  ];
  return JSON.stringify(told);
}

function readFrame(data: string | Uint8Array): VisitorFrame | undefined {
  if (typeof data !== "string") return undefined;
  try {
    const frame = VisitorFrame.safeParse(JSON.parse(data));
    return frame.success ? frame.data : undefined;
  } catch {
    return undefined;
  }
}
