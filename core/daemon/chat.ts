/**
 * The web chat's end at core: answers edges that ask for visitors, and calls out what is new.
 *
 * @module
 */
import { sessionIdOf } from "../agents/session.ts";
import type { Bus } from "../bus/bus.ts";
import { webchatKey, webchatMessage } from "../channels/webchat.ts";
import {
  type ChatInstance,
  ChatNews,
  type ChatPage,
  ChatRequest,
  type Clock,
  CodedError,
  codeOf,
  type ConversationKey,
  type EdgeConfig,
  subjects,
} from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { inSpan } from "../flow/trace.ts";
import type { Intake } from "../intake/intake.ts";
import { CHAT_TABLE, type ChatLog } from "../queues/chat_log.ts";
import type { Media } from "../record/media.ts";
import type { Settings } from "../settings/settings.ts";
import type { Appended, Store } from "../store/store.ts";
import { filesOf, givePiece, takePiece } from "./chat_files.ts";

/** What answering visitors needs. */
export interface ChatDeskDeps {
  readonly settings: () => Settings;
  readonly chatLog: ChatLog;
  readonly media: Media;
  readonly intake: Pick<Intake, "receive">;
  /** Whether a person has a conversation. */
  readonly holds: (key: ConversationKey) => boolean;
  readonly now: Clock;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** Answers edges on `bus` from now on. */
export function serveChat(bus: Pick<Bus, "respond">, deps: ChatDeskDeps): void {
  bus.respond(subjects.chat, {}, async ({ data, headers }) => {
    const request = ChatRequest.safeParse(JSON.parse(decoder.decode(data)));
    if (!request.success) {
      throw new CodedError("invalid_params", "Cannot chat: the request is malformed");
    }
    const answer = (): Promise<unknown> => answerVisitor(request.data, deps);
    const { traceparent: parent } = headers;
    const answered = parent === undefined
      ? answer()
      : inSpan("chat", { kind: "server", parent }, answer);
    return encoder.encode(JSON.stringify(await answered));
  });
}

async function answerVisitor(request: ChatRequest, deps: ChatDeskDeps): Promise<unknown> {
  switch (request.op) {
    case "say": {
      const { place } = placeOf(request, deps);
      const files = await filesOf(place, request.files ?? [], deps.media);
      if (request.text === "" && files.length === 0) {
        throw new CodedError("invalid_params", "Cannot chat: the message is empty");
      }
      const outcome = await deps.intake.receive(
        webchatMessage(deps.settings(), request, deps.now(), files),
      );
      return { accepted: true, message_id: outcome.kind === "accepted" ? outcome.inboundId : null };
    }
    case "read":
      return readPage(request, deps);
    case "upload": {
      const { place } = placeOf(request, deps);
      const maxBytes = maxFileBytes(deps.settings(), request.instance);
      return takePiece({ ...place, id: request.file }, request, { media: deps.media, maxBytes });
    }
    case "download": {
      const { place } = placeOf(request, deps);
      return givePiece({ ...place, id: request.file }, request.n, deps.media);
    }
  }
}

/** The conversation a request is about, and where its files are. */
function placeOf(
  { instance, contact }: ChatRequest,
  { settings }: ChatDeskDeps,
): { key: ConversationKey; place: { account: string; sessionId: string } } {
  const key = webchatKey(settings(), { instance, contact });
  return { key, place: { account: key.account_id, sessionId: sessionIdOf(key) } };
}

const DEFAULT_FILE_BYTES = 5 * 1024 * 1024;

function maxFileBytes({ plugins }: Settings, instance: string): number {
  const declared = plugins.webchat.instances.find((one) => one.instance === instance);
  return declared?.max_file_bytes ?? DEFAULT_FILE_BYTES;
}

async function readPage(
  request: ChatRequest & { op: "read" },
  deps: ChatDeskDeps,
): Promise<ChatPage> {
  const { after, own = false, newest = false } = request;
  const { key, place } = placeOf(request, deps);
  const page = await deps.chatLog.read({
    ...place,
    after: after ?? undefined,
    own,
    newest,
  });
  return { ...page, operator: deps.holds(key), session: place.sessionId };
}

/** Calls out to all edges. */
export interface ChatNewsCaller extends Disposable {
  /** An answer is being written in a conversation. */
  readonly typing: (sessionId: string) => void;
  /** Nobody knows what edges have missed. */
  readonly lookAll: () => void;
}

/** Calls out what is new in conversations of visitors, once it is on disk, until disposed. */
export function openChatNews(
  { bus, store, log }: {
    bus: Pick<Bus, "publish">;
    store: Pick<Store, "onAppended">;
    log: Log;
  },
): ChatNewsCaller {
  function call(news: Partial<ChatNews>): void {
    try {
      bus.publish(subjects.chatNews, encoder.encode(JSON.stringify(news)));
    } catch (error) {
      // It is a hint: edges look by themselves, too.
      log.warn("chat.news_lost", { code: codeOf(error) });
    }
  }
  const stop = store.onAppended((rows) => {
    const news = newsOf(rows);
    if (news !== undefined) call(news);
  });
  return {
    typing: (sessionId) => call({ typing: [sessionId] }),
    lookAll: () => call({ all: true }),
    [Symbol.dispose]: stop,
  };
}

function newsOf(rows: readonly Appended[]): Partial<ChatNews> | undefined {
  const sessions = new Set<string>();
  for (const { table, row } of rows) {
    // Who has a conversation may have changed in many of them.
    if (table === "agent_events" && row["kind"] === "processing_state_changed") {
      return { all: true };
    }
    const isNews = table === CHAT_TABLE || (table === "turns" && row["channel"] === "webchat");
    if (isNews && typeof row["session_id"] === "string") sessions.add(row["session_id"]);
  }
  return sessions.size === 0 ? undefined : { sessions: [...sessions] };
}

/** The web chats there are, as edges are told. */
export function chatConfigOf(settings: Settings): NonNullable<EdgeConfig["chat"]> {
  const { agents, plugins, webhooks: { public_url: publicUrl } } = settings;
  const declared = new Map(plugins.webchat.instances.map((one) => [one.instance, one]));
  const names = new Set(
    [...agents.values()].filter(({ active }) => active).flatMap(({ inbound_bindings: bindings }) =>
      bindings.filter(({ plugin }) => plugin === "webchat")
        .map(({ instance }) => instance ?? "default")
    ),
  );
  const instances = plugins.webchat.enabled ? [...names] : [];
  return {
    instances: instances.map((instance): ChatInstance => {
      const one = declared.get(instance);
      return {
        instance,
        allowed_origins: [...one?.allowed_origins ?? []],
        title: one?.title ?? null,
        welcome: one?.welcome ?? null,
        max_file_bytes: maxFileBytes(settings, instance),
      };
    }),
    public_origin: publicUrl === undefined ? null : new URL(publicUrl).origin,
  };
}

/** The page of the first web chat of an edge. */
export function chatUrlOf(edgeUrl: string | undefined, settings: Settings): string | undefined {
  const [first] = chatConfigOf(settings).instances;
  return edgeUrl === undefined || first === undefined
    ? undefined
    : `${edgeUrl}/chat/${first.instance}`;
}
