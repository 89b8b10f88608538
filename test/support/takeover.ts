/**
 * Conversations with turns, delivery and takeover over one directory, without microapps or a bus; the
 * process around them can be dropped at any commit and started again.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sessionIdOf } from "../../core/agents/session.ts";
import { runTurn } from "../../core/agents/turn.ts";
import type { TurnDeps } from "../../core/agents/turn_types.ts";
import type { Channel } from "../../core/channels/channel.ts";
import { webchatChannel as webchat } from "../../core/channels/webchat.ts";
import {
  type ConversationKey,
  createUuids,
  type InterventionAction,
  textOfBody,
} from "../../core/contract/mod.ts";
import { openConversations } from "../../core/conversations/conversations.ts";
import { createParts } from "../../core/daemon/parts.ts";
import { conversationLimitsOf } from "../../core/daemon/rules.ts";
import { openDelivery } from "../../core/delivery/delivery.ts";
import { createAdmission } from "../../core/intake/admission.ts";
import { createIntake } from "../../core/intake/intake.ts";
import { createReceiptRows } from "../../core/intake/receipts.ts";
import type { ModelMessage } from "../../core/models/model.ts";
import { offlineModel } from "../../core/models/offline.ts";
import { openOversight } from "../../core/oversight/oversight.ts";
import { createEscalateTool } from "../../core/oversight/escalate_tool.ts";
import type { Operator } from "../../core/oversight/pauses.ts";
import { conversationScope } from "../../core/oversight/scopes.ts";
import type { Settings } from "../../core/settings/settings.ts";
import { openStore } from "../../core/store/open_store.ts";
import type { Store } from "../../core/store/store.ts";
import { openVault } from "../../core/vault/vault.ts";
import { settingsOf } from "./settings.ts";
import { migrationsDir, putMigrated, silentLog } from "./store.ts";
import { asking, depsOf, VISITOR } from "./turns.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

/** What a test may put in place of the usual. */
export interface TakeoverOptions {
  readonly now?: () => number;
  readonly cap?: number;
  /** In place of the web channel; goes by `webchat`, too. */
  readonly send?: Channel["send"];
  readonly turn?: Partial<TurnDeps>;
  /** Commits after which the process is gone: that many reach the disk, and nothing after them. */
  readonly commits?: number | undefined;
}

/** A directory for one process after another. */
export interface TakeoverPlace extends AsyncDisposable {
  readonly start: (more?: TakeoverOptions) => Promise<TakeoverProcess>;
}

/** What runs. Disposing drops it as a crash would: what is not on disk is gone. */
export type TakeoverProcess = Awaited<ReturnType<typeof start>>;

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: ["ext_*", escalate_to_human]
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
    event_subscribers: [{ id: jobs, subject_pattern: webhook.jobs.* }]
`;

/** Who takes over. */
export const ROSA: Operator = { hash: "135c402134ad5140", name: "Rosa" };
/** Who would like to, too. */
export const IVAN: Operator = { hash: "ffffffffffffffff", name: "Ivan" };
/** The conversation of {@linkcode VISITOR}. */
export const SCOPE = conversationScope(VISITOR);

/** What an operator says to {@linkcode VISITOR}. */
export function operatorReply(
  body: string,
  over: Partial<InterventionAction & { kind: "reply" }> = {},
) {
  return {
    kind: "reply" as const,
    channel: "webchat",
    account_id: "acme",
    to: "visitor",
    body,
    msg_kind: "text",
    ...over,
  };
}

/** Makes a directory whose processes have one agent, whom visitors of two tenants write to. */
export async function openTakeoverPlace(
  oversightYaml = "",
  usual: TakeoverOptions = {},
): Promise<TakeoverPlace> {
  const settings = await settingsOf({
    "agents.yaml": AGENTS,
    ...(oversightYaml === "" ? {} : { "oversight.yaml": oversightYaml }),
  });
  const dir = await mkdtemp(join(tmpdir(), "takeover-"));
  await putMigrated(join(dir, "core.db"));
  const running = new Set<AsyncDisposable>();
  return {
    async start(more = {}) {
      const process = await start(dir, () => settings, { ...usual, ...more });
      running.add(process);
      return process;
    },
    async [Symbol.asyncDispose]() {
      for (const process of running) await process[Symbol.asyncDispose]();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

async function start(dir: string, settings: () => Settings, options: TakeoverOptions) {
  const { now = Date.now, send } = options;
  const { deliverByRows: _, ...sending } = webchat;
  const channel = send === undefined ? webchat : { ...sending, send };
  const disk = await openStore({
    url: `file:${join(dir, "core.db")}`,
    migrationsDir,
    now,
    log: silentLog,
  });
  const { store, died, bury } = mortal(disk, options.commits);
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now });
  const parts = createParts({ store, vault, settings, random, now, log: silentLog });
  const uuid = createUuids({ now, random });
  /** What the model was asked, one list of messages for each answer. */
  const asked: ModelMessage[][] = [];
  const sent: { author: string | undefined; text: string; contact: string }[] = [];
  const shared = { ...parts, store, dir, settings, now, log: silentLog };

  const oversight = openOversight({
    ...shared,
    sessionIdOf,
    pendingCap: options.cap ?? 50,
    canSend: (channel, kind) => channel === webchat.id && webchat.sends.has(kind),
    send: (items) => delivery.push(items),
    schedule: (items) => conversations.push(items),
    sendsUnderWay: (account) => delivery.underWay(account),
    wakeSends: (account) => delivery.wake(account),
  });
  const delivery = openDelivery({
    ...shared,
    channels: new Map([[webchat.id, channel]]),
    eventRows: parts.rows.events,
    fences: [oversight.fence],
    onSent: ({ author, body, contact }) =>
      void sent.push({ author, text: textOfBody(body), contact }),
  });
  const turnDeps: TurnDeps = depsOf(shared, [
    createEscalateTool({ escalations: oversight.escalations, enabled: () => true }),
  ], {
    ask: asking((request) => {
      asked.push([...request.messages]);
      return offlineModel(request);
    }),
    depart: delivery.depart,
    ...options.turn,
    takeover: { holds: oversight.pauses.holds, hold: oversight.hold },
  });
  const ended = new Set<() => void>();
  const conversations = openConversations({
    ...shared,
    limits: { ...conversationLimitsOf(settings), debounceMsOf: () => 0, queueCapOf: () => 10_000 },
    async runTurn(job, signal) {
      const result = await runTurn(job, turnDeps, signal);
      if (result.kind === "retry" || result.kind === "parked") return result;
      for (const tell of ended) tell();
      return { kind: "finished" };
    },
  });
  const intake = createIntake({
    ...shared,
    channels: new Map(),
    receiptRows: createReceiptRows({ ...shared, eventRows: parts.rows.events }),
    eventRows: parts.rows.events,
    admit: createAdmission({
      settings,
      room: conversations.room,
      senders: { take: () => Promise.resolve({ ok: true }), giveBack: () => {} },
      sessionIdOf,
      now,
    }),
    schedule: conversations.push,
  });
  await oversight.load();
  delivery.push(await parts.outbox.openForOperator());
  conversations.push(await parts.inbounds.openForOperator());

  return {
    ...shared,
    uuid,
    oversight,
    delivery,
    conversations,
    intake,
    asked,
    sent,
    /** Resolves when the process has lost its disk. */
    died,
    /** Says something as the contact of a conversation. */
    say: (key: ConversationKey, text: string, more: { id?: string; atMs?: number } = {}) =>
      intake.receive({
        key,
        chat: "direct",
        parts: [{ kind: "text", text }],
        sender: { id: key.contact, name: null },
        msgId: more.id ?? uuid(),
        replyToMsgId: null,
        editOf: null,
        fromMe: false,
        replyAddress: null,
        sentAtMs: more.atMs ?? now(),
      }),
    /** Resolves when no message waits for a turn and no reply for its channel. */
    async idle(): Promise<void> {
      while (conversations.waiting() > 0) {
        await new Promise<void>((resolve) => {
          const tell = (): void => {
            ended.delete(tell);
            setImmediate(resolve);
          };
          ended.add(tell);
          if (conversations.waiting() === 0) tell();
        });
      }
      await delivery.drain(new AbortController().signal);
    },
    /** A conversation's transcript: who said what when. */
    async transcript(key: ConversationKey) {
      const rows = await parts.transcripts.readTranscript({
        account: key.account_id,
        sessionId: sessionIdOf(key),
        limit: 1_000,
      });
      return rows.map(({ role, body, sourcePlugin, senderId, sentAtMs }) => ({
        role,
        body,
        source: sourcePlugin,
        sender: senderId,
        atMs: sentAtMs,
      }));
    },
    /** A tenant's events of some kinds, oldest first. */
    async events(account: string, ...kinds: string[]): Promise<Record<string, unknown>[]> {
      const page = await parts.events.list({ account, after: 0, limit: 1_000 });
      return page.events.map(({ body }) => JSON.parse(body) as Record<string, unknown>)
        .filter(({ kind }) => kinds.length === 0 || kinds.includes(String(kind)));
    },
    async [Symbol.asyncDispose]() {
      const parts = [oversight, conversations, delivery].map((part) => part[Symbol.asyncDispose]());
      bury();
      await Promise.all(parts);
      shared.events[Symbol.dispose]();
      await disk[Symbol.asyncDispose]();
    },
  };
}

/** A store that is gone after some commits: the next ones never answer, as in a process that died. */
function mortal(disk: Store, commits = Infinity) {
  let left = commits;
  let die = (): void => {};
  const died = new Promise<void>((resolve) => (die = resolve));
  /** Who waits for an answer that never comes, until the test lets go of the process. */
  const waiting = new Set<(error: Error) => void>();
  let isBuried = false;
  const silence = () =>
    new Promise<void>((_, reject) => {
      if (isBuried) reject(new Error("the process is gone"));
      waiting.add(reject);
      die();
    });
  const store: Store = {
    ...disk,
    async commit(unit) {
      if (left <= 0) return silence();
      left--;
      await disk.commit(unit);
      // The last commit is on disk, and nobody lives to hear of it.
      if (left <= 0) return silence();
    },
    [Symbol.asyncDispose]: () => disk[Symbol.asyncDispose](),
  };
  const bury = (): void => {
    isBuried = true;
    for (const reject of waiting) reject(new Error("the process is gone"));
  };
  return { store, died, bury };
}
