/**
 * The work itself: intake, conversations, turns, delivery, and what the bus asks of them.
 *
 * @module
 */
import { outboundRefusal } from "../agents/outbound_fence.ts";
import { createDelegateTool, type DelegateToolDeps } from "../agents/delegate_tool.ts";
import { createSearchHistoryTool } from "../agents/search_history_tool.ts";
import { createSkillReader } from "../agents/skills.ts";
import { createFiles, type FetchPart } from "../agents/files.ts";
import { sessionIdOf } from "../agents/session.ts";
import { createSchemaCheck } from "../agents/tool_schema.ts";
import type { Tool } from "../agents/tool_gate.ts";
import type { TurnDeps, TurnResult } from "../agents/turn_types.ts";
import type { Bus } from "../bus/bus.ts";
import type { Channels } from "../channels/ingress.ts";
import { webchatMessage } from "../channels/webchat.ts";
import {
  amountOf,
  type ChatRequest,
  type Clock,
  CodedError,
  INNER_CHANNELS,
  isSwitchedOn,
  type Random,
  subjects,
  textOfParts,
  TOGGLES,
} from "../contract/mod.ts";
import { openConversations } from "../conversations/conversations.ts";
import type { Fence } from "../delivery/attempt.ts";
import { openDelivery } from "../delivery/delivery.ts";
import { createTyping } from "../delivery/typing.ts";
import type { Log } from "../flow/log.ts";
import { createAdmission } from "../intake/admission.ts";
import { createIntake, type Intake } from "../intake/intake.ts";
import { createReceiptRows } from "../intake/receipts.ts";
import { type Limits, openLimits } from "../limits/limits.ts";
import type { Host } from "../microapps/host.ts";
import { closeInterrupted } from "../models/budget/ledger.ts";
import { createModels } from "../models/models.ts";
import { createEscalateTool } from "../oversight/escalate_tool.ts";
import { openOversight, type Oversight } from "../oversight/oversight.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import { createTurnRunner, type RunInPlace } from "./away.ts";
import { serveChat } from "./chat.ts";
import { type Causes, createToolList } from "./microapps.ts";
import type { CoreMetrics } from "./metrics.ts";
import type { Parts } from "./parts.ts";
import { historyReader } from "./history.ts";
import { turnEndReader } from "./record.ts";
import { conversationLimitsOf, limitRulesOf } from "./rules.ts";
import { createTurnWaiters } from "./waiters.ts";

const encoder = new TextEncoder();

/** What the work stands on. */
export interface WorkDeps extends Parts {
  readonly store: Store;
  readonly bus: Bus;
  readonly host: Host;
  readonly causes: Causes;
  readonly channels: Channels;
  /** Tools that core brings, offered where a binding or its agent names them. */
  readonly builtInTools: readonly Tool[];
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly settings: () => Settings;
  /** A key of a model's provider, by its name; looked up for each call. */
  readonly secretOf: (name: string) => string | undefined;
  readonly metrics: CoreMetrics;
  /** The door before each turn. */
  readonly admit: TurnDeps["admit"];
  readonly now: Clock;
  readonly random: Random;
  readonly log: Log;
}

/** What became of something said. */
export interface ChatAnswer {
  readonly accepted: true;
  readonly inbound_id: string | null;
  readonly turn_id: string | null;
  /** `paused` when a person has the conversation; null when nothing has ended in time. */
  readonly outcome: (TurnResult & { kind: "finished" })["outcome"] | "paused" | null;
  readonly reply: string | null;
  readonly error: string | null;
}

/** The running work. */
export interface Work extends AsyncDisposable {
  readonly intake: Intake;
  readonly conversations: ReturnType<typeof openConversations>;
  readonly delivery: ReturnType<typeof openDelivery>;
  readonly oversight: Oversight;
  readonly dispatchLimits: Limits["dispatches"];
  /** The tools there are now, core's own among them. */
  readonly tools: TurnDeps["tools"];
  /** Picks up what an earlier process left unfinished. */
  readonly recover: () => Promise<void>;
  /** Other settings are in force. */
  readonly reload: () => void;
  /** Answers hand-offs and chats on the bus; `watch` sees what became of hand-offs. */
  readonly serve: (bus: Bus, watch: (deliver: Intake["deliver"]) => Intake["deliver"]) => void;
  /** Says something on the web channel and waits for its turn. */
  readonly chat: (
    say: ChatRequest & { op: "say" },
    options: { signal: AbortSignal | undefined; waitMs: number },
  ) => Promise<ChatAnswer>;
  /** Takes no new turn; resolves when turns and sends under way are done, or `signal` aborts. */
  readonly drain: (signal: AbortSignal) => Promise<void>;
}

/** Starts the work; nothing runs before {@linkcode Work.recover}. */
export function openWork(deps: WorkDeps): Work {
  const { bus, settings, inbounds, outbox, metrics, now, log } = deps;
  const waiters = createTurnWaiters();

  const channels = new Map(
    Array.from(deps.channels, ([id, channel]) => [id, metrics.channel(channel)]),
  );

  const oversight: Oversight = openOversight({
    ...deps,
    sessionIdOf,
    pendingCap: Math.floor(amountOf(deps.env, TOGGLES.pending_queue_cap)),
    canSend: (channel, kind) => channels.get(channel)?.sends.has(kind) === true,
    send: (items) => delivery.push(items),
    schedule: (items) => conversations.push(items),
    sendsUnderWay: (account) => delivery.underWay(account),
    wakeSends: (account) => delivery.wake(account),
  });
  const fences: readonly Fence[] = [
    (outbound) => outboundRefusal(settings(), outbound),
    oversight.fence,
  ];
  const delivery = openDelivery({
    ...deps,
    channels,
    eventRows: deps.rows.events,
    fences,
    onSent({ id, channel, instance, contact, session_id }, sentAtMs) {
      const mirror = { id, contact, session_id, sent_at_ms: sentAtMs };
      bus.publish(subjects.outbound(channel, instance), encoder.encode(JSON.stringify(mirror)));
    },
  });

  let settling: Promise<unknown> | undefined = deps.host.settled().then(() => settling = undefined);
  const limits = openLimits(deps);
  const reloadLimits = (): void => limits.reload(limitRulesOf(settings));
  reloadLimits();
  const turnDeps: TurnDeps = createTurnDeps(
    {
      ...deps,
      depart: delivery.depart,
      typing: createTyping({ ...deps, fences, sessionIdOf }),
      files: createFiles({ ...deps, fetchPart: fetchPartOf(deps.channels) }),
    },
    limits,
    oversight,
    async function runWithin(job, signal) {
      using place = await conversations.enter({ account: job.account, signal });
      return await run({ place, ...job }, signal);
    },
  );
  const run: RunInPlace = metrics.turn(createTurnRunner(turnDeps));
  const conversations = openConversations({
    ...deps,
    limits: conversationLimitsOf(settings),
    async runTurn(job, signal, place) {
      // A turn picked up at the start must not find its tools missing.
      if (settling !== undefined) await settling;
      const result = await run({ place, ...job }, signal);
      if (result.kind === "retry" || result.kind === "parked") return result;
      waiters.finished(job.inboundIds, result);
      return { kind: "finished" };
    },
  });

  const intake = createIntake({
    ...deps,
    channels,
    receiptRows: createReceiptRows({ ...deps, eventRows: deps.rows.events }),
    eventRows: deps.rows.events,
    admit: createAdmission({
      settings,
      room: conversations.room,
      senders: limits.senders,
      sessionIdOf,
      now,
    }),
    hearOwn: ({ key, parts }) => oversight.hearOwn({ key, text: textOfParts(parts) }),
    schedule: conversations.push,
  });

  async function chat(
    say: ChatRequest & { op: "say" },
    { signal, waitMs }: { signal: AbortSignal | undefined; waitMs: number },
  ): Promise<ChatAnswer> {
    const outcome = await intake.receive(webchatMessage(settings(), say, now()));
    const nothing = { turn_id: null, outcome: null, reply: null, error: null };
    if (outcome.kind === "duplicate") return { accepted: true, inbound_id: null, ...nothing };
    const { inboundId } = outcome;
    const turn = await waiters.wait(inboundId, { signal, waitMs });
    if (turn === undefined) return { accepted: true, inbound_id: inboundId, ...nothing };
    if (turn.kind === "held") {
      return { accepted: true, inbound_id: inboundId, ...nothing, outcome: "paused" };
    }
    return {
      accepted: true,
      inbound_id: inboundId,
      turn_id: turn.turnId,
      outcome: turn.outcome,
      reply: turn.reply,
      error: turn.error,
    };
  }

  return {
    intake,
    conversations,
    delivery,
    oversight,
    dispatchLimits: limits.dispatches,
    tools: turnDeps.tools,
    chat,
    reload() {
      reloadLimits();
      conversations.reload();
      delivery.wake();
    },
    async recover() {
      await oversight.load();
      await deps.store.commit(inbounds.rowsForOrphansForOperator());
      const unfinished = await closeInterrupted(deps.store, now());
      if (unfinished > 0) log.warn("model_calls.interrupted", { count: unfinished });
      delivery.push(await outbox.openForOperator());
      const open = await inbounds.openForOperator();
      if (open.length > 0) log.info("inbounds.recovered", { count: open.length });
      conversations.push(open);
    },
    serve(on, watch) {
      on.serveDurable({}, metrics.deliver(watch(intake.deliver)));
      serveChat(on, { ...deps, intake, holds: oversight.pauses.holds });
    },
    async drain(signal) {
      await conversations.drain(signal);
      await delivery.drain(signal);
    },
    async [Symbol.asyncDispose]() {
      await oversight[Symbol.asyncDispose]();
      await conversations[Symbol.asyncDispose]();
      await delivery[Symbol.asyncDispose]();
      await limits[Symbol.asyncDispose]();
    },
  };
}

function createTurnDeps(
  deps: WorkDeps & Pick<TurnDeps, "depart" | "files" | "typing">,
  limits: Limits,
  oversight: Oversight,
  run: DelegateToolDeps["run"],
): TurnDeps {
  const history = historyReader(deps.transcripts);
  return {
    ...deps,
    history,
    ask: deps.metrics.models(createModels({ ...deps, jitter: () => fractionOf(deps.random) })),
    skills: createSkillReader(deps),
    tools: createToolList(deps.host, deps.causes, [
      ...deps.builtInTools,
      createSearchHistoryTool(deps.search),
      createDelegateTool({ ...deps, history, run, endOf: turnEndReader(deps.store) }),
      createEscalateTool({
        escalations: oversight.escalations,
        enabled: () =>
          deps.settings().oversight.escalations.enabled &&
          isSwitchedOn(deps.env, TOGGLES.escalations),
      }),
    ]),
    check: createSchemaCheck(),
    take: (claim) => limits.tools.take(claim),
    hooks: deps.host,
    sends: (channel) => !INNER_CHANNELS.includes(channel),
    takeover: { holds: oversight.pauses.holds, hold: oversight.hold },
  };
}

/** The way to a file that lies with a channel's provider. */
function fetchPartOf(channels: Channels): FetchPart {
  return async function fetchPart({ channel, instance }, ref, options) {
    const fetched = await channels.get(channel)?.fetchPart?.(ref, instance, options);
    if (fetched !== undefined) return fetched;
    throw new CodedError("fetch_failed", `Cannot fetch: channel "${channel}" has no files`);
  };
}

/** A number from 0 to below 1. */
function fractionOf(random: Random): number {
  const bytes = random(new Uint8Array(4));
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(0) / 2 ** 32;
}
