/**
 * What people and core say in a conversation beside the agent: in the transcript, in what the model
 * reads, and on its way out, all in the commit of the act it belongs to.
 *
 * @module
 */
import {
  type ConversationKey,
  type OutboundBody,
  type ReplyAddress,
  textOfBody,
  uuidOf,
} from "../contract/mod.ts";
import { sha256 } from "../flow/sha256.ts";
import type { ModelMessage } from "../models/model.ts";
import type { Write } from "../store/store.ts";
import type { OversightDeps } from "./deps.ts";
import type { Operator, Pause } from "./pauses.ts";
import { readPendingOf } from "./pending_rows.ts";
import { keyOfScope } from "./scopes.ts";

/** How long what an operator says may wait for its channel, in milliseconds. */
const SEND_TTL_MS = 3_600_000;

/** Words on their way to a customer. */
export interface Saying {
  readonly id: string;
  readonly body: OutboundBody;
  readonly author: "operator" | "core";
  /** Where the transcript says they came from, for example `intervention:webchat`. */
  readonly source: string;
  readonly sender: string;
}

/** Rows to commit, and what to do once they are. */
export interface Spoken {
  readonly writes: readonly Write[];
  readonly send: () => void;
}

/** What the model is told that no customer hears. */
export interface Note {
  readonly id: string;
  readonly text: string;
  readonly source: string;
  readonly sender: string;
}

/** Makes the rows. */
export interface Sayings {
  /** Says something to the customer: the model will read it as said by its own side. */
  readonly say: (key: ConversationKey, saying: Saying) => Spoken;
  /** Puts on record what our side said on the channel itself. */
  readonly heardOwn: (key: ConversationKey, said: Note) => Write[];
  /** Puts a system entry into the transcript that the model reads like something it was told. */
  readonly note: (key: ConversationKey, note: Note) => Write[];
  /** Where a conversation's messages go: the place its newest message came from. */
  readonly addressOf: (key: ConversationKey) => Promise<ReplyAddress | null>;
  /** What the customer is told when a person takes over just this conversation. */
  readonly handoff: (pause: Pause) => Promise<Spoken>;
  /** The same where a binding or agent is paused: said once, to those who write meanwhile. */
  readonly handoffOnFirstMessage: (pause: Pause, key: ConversationKey) => Promise<Spoken>;
}

const nothing: Spoken = { writes: [], send: () => {} };

/** How an operator is named in transcripts. */
export function senderOf({ hash }: Operator): string {
  return `operator:${hash}`;
}

/** The id of something said once for these parts, however often it is tried. */
export function sayingId(...parts: readonly string[]): string {
  return uuidOf(sha256, "saying", ...parts);
}

/** Returns the makers of rows. */
export function createSayings(deps: OversightDeps): Sayings {
  const { store, inbounds, outbox, rows, sessionIdOf, now } = deps;

  function entry(
    key: ConversationKey,
    { id, text, source, sender }: Note,
    role: "assistant" | "system",
    modelMessage: ModelMessage,
  ): Write[] {
    return rows.transcript({
      account: key.account_id,
      agentId: key.agent_id,
      sessionId: sessionIdOf(key),
      entries: [{
        role,
        text,
        modelMessage,
        sourcePlugin: source,
        senderId: sender,
        messageId: id,
        sentAtMs: now(),
      }],
    });
  }

  function say(key: ConversationKey, saying: Saying): Spoken {
    const { id, body, author } = saying;
    const text = textOfBody(body);
    const nowMs = now();
    const sessionId = sessionIdOf(key);
    const { writes, items } = outbox.queue({
      ...key,
      id,
      session_id: sessionId,
      turn_id: null,
      author,
      body,
      expires_at_ms: nowMs + SEND_TTL_MS,
    }, nowMs);
    return {
      writes: [
        ...writes,
        ...entry(key, { ...saying, text }, "assistant", { role: "assistant", content: text }),
      ],
      send: () => deps.send(items),
    };
  }

  async function addressOf(key: ConversationKey): Promise<ReplyAddress | null> {
    const sessionId = sessionIdOf(key);
    const waiting = (await readPendingOf(store, key.account_id, sessionId)).at(-1);
    const [newest] = waiting === undefined ? [] : await inbounds.load(key.account_id, [waiting.id]);
    return newest?.reply_address ?? outbox.lastAddress(key.account_id, sessionId);
  }

  async function handoffIn(pause: Pause, key: ConversationKey): Promise<Spoken> {
    const { handoff_text: text } = takeoverOf(deps, key.agent_id);
    if (text === undefined || !deps.canSend(key.channel, "text")) return nothing;
    const id = sayingId("handoff", pause.id, sessionIdOf(key));
    if (await isSaid(deps, key.account_id, id)) return nothing;
    return say(key, {
      id,
      body: { kind: "text", text, to: await addressOf(key), reply_to_msg_id: null },
      author: "core",
      source: `handoff:${key.channel}`,
      sender: senderOf(pause.operator),
    });
  }

  return {
    say,
    addressOf,
    heardOwn: (key, said) =>
      entry(key, said, "assistant", { role: "assistant", content: said.text }),
    note: (key, note) => entry(key, note, "system", { role: "user", content: note.text }),
    handoff: async (pause) =>
      pause.scope.kind === "conversation" ? handoffIn(pause, keyOfScope(pause.scope)) : nothing,
    handoffOnFirstMessage: async (pause, key) =>
      pause.scope.kind === "conversation" ? nothing : handoffIn(pause, key),
  };
}

/** Whether words with this id have been said. */
export async function isSaid(
  { store }: Pick<OversightDeps, "store">,
  account: string,
  id: string,
): Promise<boolean> {
  const rows = await store.read("SELECT 1 AS said FROM outbox WHERE account_id = ? AND id = ?", [
    account,
    id,
  ]);
  return rows.length > 0;
}

/** What `oversight.yaml` says of takeovers of one agent. */
export function takeoverOf({ settings }: Pick<OversightDeps, "settings">, agentId: string) {
  const { agents, ...all } = settings().oversight.takeover;
  const own = agents[agentId];
  return {
    ...all,
    handoff_text: own?.handoff_text ?? all.handoff_text,
    auto_resume_after: own?.auto_resume_after ?? all.auto_resume_after,
    run_turn: own?.run_turn ?? all.run_turn ?? false,
  };
}
