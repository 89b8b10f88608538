/**
 * Turns run by hand: messages in the queue, the offline model, tools of the test's own.
 *
 * @module
 */
import { sessionIdOf } from "../../core/agents/session.ts";
import type { Tool } from "../../core/agents/tool_gate.ts";
import { createSchemaCheck } from "../../core/agents/tool_schema.ts";
import type { TurnDeps, TurnJob } from "../../core/agents/turn_types.ts";
import type { ConversationKey, Inbound } from "../../core/contract/mod.ts";
import { historyReader } from "../../core/daemon/history.ts";
import type { AskModel, Model } from "../../core/models/model.ts";
import { offlineModel } from "../../core/models/offline.ts";
import { openTestLimits } from "./limits.ts";
import { type Spine, uuid } from "./spine.ts";

/** A visitor of acme's web chat, who talks to ana. */
export const VISITOR: ConversationKey = {
  account_id: "acme",
  agent_id: "ana",
  channel: "webchat",
  instance: "acme",
  contact: "visitor",
};

/** A message that just came in. */
export function messageFrom(key: ConversationKey, text: string): Inbound {
  return {
    id: uuid(),
    key,
    trigger: "channel",
    kind: "external_user",
    text,
    templated: false,
    sender_id: key.contact,
    sender_name: null,
    parts: [{ kind: "text", text }],
    chat: "direct",
    edit_of_msg_id: null,
    reply_address: null,
    msg_id: uuid(),
    reply_to_msg_id: null,
    sent_at_ms: Date.now(),
    event_source: null,
    envelope_id: null,
    delivery_id: null,
    hops: 0,
  };
}

/** A microapp's tool that runs in the test. */
export function tool(ownName: string, call: Tool["call"]): Tool {
  return {
    name: `ext_app_${ownName}`,
    ownName,
    microappId: "app",
    account: null,
    description: ownName,
    inputSchema: { type: "object", properties: { text: { type: "string" } } },
    call,
  };
}

/** A model that costs nothing and is in no ledger. */
export function asking(model: Model): AskModel {
  return async (_caller, by, request) => ({
    step: { answer: await model({ ...request, model: by.model }), by, costMicros: 0 },
    writes: [],
    free: true,
  });
}

/** What a turn needs, over a real store. */
export function depsOf(
  spine: Omit<Spine, "sealer" | keyof AsyncDisposable>,
  tools: readonly Tool[],
  over: Partial<TurnDeps> = {},
): TurnDeps {
  const limits = openTestLimits({ now: spine.now });
  return {
    ...spine,
    history: historyReader(spine.transcripts),
    ask: asking(offlineModel),
    skills: () => Promise.resolve(""),
    tools: () => tools,
    check: createSchemaCheck(),
    take: (claim) => limits.take(claim),
    hooks: { hasHooks: () => false, runHook: () => Promise.reject(new Error("nobody to ask")) },
    admit: () => Promise.resolve({ kind: "admit" }),
    files: {
      gather: () => Promise.resolve({ files: [], notes: [] }),
      load: () => Promise.resolve(new Map()),
    },
    typing: () => ({ [Symbol.dispose]: () => undefined }),
    sends: () => true,
    depart(outbound, nowMs) {
      const { writes } = spine.outbox.queue(outbound, nowMs);
      return { writes, goWith: (commit) => commit() };
    },
    takeover: { holds: () => false, hold: () => Promise.resolve(false) },
    ...over,
  };
}

/** Puts messages of one tenant into the queue as the intake would. */
export async function queued(spine: Spine, ...inbounds: Inbound[]): Promise<TurnJob> {
  await spine.store.commit(
    inbounds.flatMap((inbound) =>
      spine.inbounds.rowsForQueued(inbound, sessionIdOf(inbound.key), Date.now())
    ),
  );
  return {
    turnId: uuid(),
    account: inbounds[0]?.key.account_id ?? "",
    inboundIds: inbounds.map(({ id }) => id),
    attempts: 0,
    starts: 0,
  };
}
