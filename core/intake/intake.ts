/**
 * The way in: what is accepted here is on disk, once, and on its way to a turn.
 *
 * @module
 */
import {
  type AgentEvent,
  type Clock,
  CodedError,
  codeOf,
  type Handoff,
  messageOf,
  type Outcome,
} from "../contract/mod.ts";
import type { ChannelMessage } from "../channels/channel.ts";
import { channelOfSubject, type Channels } from "../channels/ingress.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import type { Log } from "../flow/log.ts";
import { inSpan, isTracing } from "../flow/trace.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Inbounds, OpenInbound } from "../queues/inbounds.ts";
import type { Inbox, InboxState } from "../queues/inbox.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store, Write } from "../store/store.ts";
import type { Admit, Admitted, AdmittedMessage, RefusedMessage } from "./admission.ts";
import { inboundOfMessage, routeChannel } from "./message.ts";
import type { ReceiptRows } from "./receipts.ts";
import { NO_ACCOUNT, type Route, routeEvent } from "./route.ts";

/** What the intake needs. */
export interface IntakeDeps {
  readonly settings: () => Settings;
  readonly store: Store;
  readonly inbox: Inbox;
  readonly inbounds: Inbounds;
  readonly deadLetters: DeadLetters;
  readonly eventRows: RowsForEvents;
  readonly channels: Channels;
  readonly receiptRows: ReceiptRows;
  /** Takes what our own side wrote elsewhere, for example on a business's phone. @default nobody does */
  readonly hearOwn?: (message: ChannelMessage) => OwnRows;
  readonly admit: Admit;
  /** Schedules messages that are on disk. */
  readonly schedule: (items: readonly OpenInbound[]) => void;
  readonly redact: Redactor;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** Rows to commit with a delivery; `settled` is called whether that went well or not. */
export interface OwnRows {
  readonly writes: readonly Write[];
  readonly settled: () => Promise<void>;
}

/** What became of a channel message. */
export type MessageOutcome =
  | { readonly kind: "accepted"; readonly inboundId: string; readonly sessionId: string }
  | { readonly kind: "duplicate" };

/** Accepts deliveries and messages. */
export interface Intake {
  /** One outcome per hand-off, in order; `accepted` and `duplicate` are on disk. */
  readonly deliver: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  /**
   * @throws {CodedError} `store_full`, `queue_full` when too much waits already, in all or in the
   * conversation; `rate_limited` when the sender writes too often
   */
  readonly receive: (message: ChannelMessage) => Promise<MessageOutcome>;
}

const NOBODY = { messages: [], refused: [], events: [] };

/** Returns the intake. */
export function createIntake(deps: IntakeDeps): Intake {
  const { store, inbox, inbounds, settings, now } = deps;

  function deliverOne(handoff: Handoff): Promise<Outcome> {
    const place = channelOfSubject(handoff.subject);
    if (place === undefined) return follow(handoff, routeEvent(handoff, settings(), deps));
    return routeChannel(place, handoff, { ...deps, settings: settings() })
      .then((route) => follow(handoff, route));
  }

  function follow(handoff: Handoff, route: Route): Promise<Outcome> {
    const isForSomebody = route.kind !== "dead" && route.inbounds.length > 0;
    return isForSomebody ? bringIn(handoff, route) : keep(handoff, route, NOBODY);
  }

  /** Keeps a delivery with its messages, as far as they come in. */
  async function bringIn(
    handoff: Handoff,
    route: Route & { readonly kind: "inbounds" },
  ): Promise<Outcome> {
    const admitted = await deps.admit(route.inbounds);
    if (admitted === undefined) return { kind: "refused", code: "store_full", retryable: true };
    const used = new Set<AdmittedMessage>();
    try {
      return await keepNews(handoff, route, admitted, used);
    } finally {
      admitted.release((message) => !used.has(message));
    }
  }

  /** Providers repeat single messages within other deliveries; those that are new come in. */
  async function keepNews(
    handoff: Handoff,
    route: Route,
    admitted: Admitted,
    used: Set<AdmittedMessage>,
  ): Promise<Outcome> {
    try {
      return await keep(handoff, route, admitted, used);
    } catch (error) {
      if (codeOf(error) !== "conflict") throw error;
      const known = await inbounds.known(admitted.messages.map(({ inbound }) => inbound));
      if (known.size === 0) throw error;
      const messages = admitted.messages.filter(({ inbound: { id } }) => !known.has(id));
      return keep(handoff, route, { ...admitted, messages }, used);
    }
  }

  async function keep(
    handoff: Handoff,
    route: Route,
    { messages, refused, events }: Pick<Admitted, "events" | "messages" | "refused">,
    used = new Set<AdmittedMessage>(),
  ): Promise<Outcome> {
    const { envelope_id } = handoff.envelope;
    const own = besides(route);
    const receipts = route.kind === "inbounds" && route.receipts !== undefined
      ? await deps.receiptRows(route.receipts)
      : [];
    const unit = [
      ...inbox.rowsForDelivery(handoff, route.account, stateOf(route, messages, refused)),
      ...messages.flatMap(({ inbound, item }) =>
        inbounds.rowsForQueued(inbound, item.session_id, now())
      ),
      ...(route.kind === "dead" ? deadRows(handoff, route) : []),
      ...own.flatMap(({ writes }) => writes),
      ...receipts,
      ...refused.flatMap(({ code, reason }) =>
        deadRows(handoff, { account: route.account, code, detail: reason })
      ),
      ...deps.eventRows({
        account: route.account,
        events: [
          accepted(handoff, messages.length),
          ...events,
        ],
      }),
    ];
    try {
      if (!await commitOnce(unit, handoff)) return { kind: "duplicate", envelope_id };
    } finally {
      if (own.length > 0) await Promise.all(own.map(({ settled }) => settled()));
    }
    if (messages.length === 0) return { kind: "accepted", envelope_id };
    for (const message of messages) used.add(message);
    deps.schedule(messages.map(({ item }) => item));
    return { kind: "accepted", envelope_id };
  }

  function besides(route: Route): OwnRows[] {
    if (route.kind === "dead") return [];
    return (route.own ?? []).flatMap((message) => deps.hearOwn?.(message) ?? []);
  }

  /** Commits unless the delivery is known; a key whose window has passed is forgotten first. */
  async function commitOnce(unit: readonly Write[], handoff: Handoff): Promise<boolean> {
    const { envelope: { source_id }, dedupe_key } = handoff;
    try {
      await store.commit(unit);
      return true;
    } catch (error) {
      if (codeOf(error) !== "conflict") throw error;
      const holder = await inbox.holder(source_id, dedupe_key);
      if (holder === undefined) throw error;
      if (holder.untilMs > now()) return false;
    }
    await store.commit(inbox.rowsForForgotten(source_id, dedupe_key, now()));
    return commitOnce(unit, handoff);
  }

  function deadRows(handoff: Handoff, { account, code, detail }: {
    readonly account: string;
    readonly code: string;
    readonly detail: string;
  }): Write[] {
    return deps.deadLetters.rowsForDead({
      id: deps.uuid(),
      account_id: account,
      kind: "inbox",
      ref_id: handoff.envelope.envelope_id,
      source: handoff.envelope.source_id,
      code,
      detail: deps.redact(detail, account === NO_ACCOUNT ? undefined : account),
      at_ms: now(),
    });
  }

  return {
    deliver: (handoffs) =>
      Promise.all(handoffs.map(async (handoff): Promise<Outcome> => {
        try {
          return await (isTracing() ? traced(handoff, deliverOne) : deliverOne(handoff));
        } catch (error) {
          deps.log.error("intake.failed", {
            source: handoff.envelope.source_id,
            code: codeOf(error),
            error: messageOf(error),
          });
          return { kind: "refused", code: codeOf(error), retryable: true };
        }
      })),

    receive: (message) => inSpan("intake", {}, () => receive(message)),
  };

  async function receive(message: ChannelMessage): Promise<MessageOutcome> {
    const inbound = inboundOfMessage(message, { id: deps.uuid(), origin: null });
    const admitted = await deps.admit([inbound]);
    if (admitted === undefined) {
      throw new CodedError("store_full", "Cannot accept message: too many wait already");
    }
    const { messages: [own], refused: [refusal], events, release } = admitted;
    if (own === undefined) {
      const { account_id: account } = message.key;
      if (events.length > 0) await store.commit(deps.eventRows({ account, events }));
      throw new CodedError(
        refusal?.code ?? "internal",
        `Cannot accept message: ${refusal?.reason ?? "it was not admitted"}`,
      );
    }
    const { session_id: sessionId } = own.item;
    try {
      const channel = deps.channels.get(message.key.channel);
      await store.commit([
        ...inbounds.rowsForQueued(inbound, sessionId, now()),
        ...channel?.rowsForHeard?.(inbound, sessionId) ?? [],
      ]);
    } catch (error) {
      release();
      if (codeOf(error) === "conflict" && message.msgId !== null) return { kind: "duplicate" };
      throw error;
    }
    deps.schedule([own.item]);
    return { kind: "accepted", inboundId: inbound.id, sessionId };
  }
}

/** The delivery as a span of the trace that began at the edge. */
function traced(
  handoff: Handoff,
  deliver: (handoff: Handoff) => Promise<Outcome>,
): Promise<Outcome> {
  const { envelope: { source_id, envelope_id }, traceparent = null } = handoff;
  const attributes = { "nexo.source_id": source_id, "nexo.envelope_id": envelope_id };
  return inSpan("intake", { kind: "consumer", parent: traceparent, attributes }, async (span) => {
    const outcome = await deliver(handoff);
    span.setAttribute("nexo.outcome", outcome.kind);
    return outcome;
  });
}

function stateOf(
  route: Route,
  found: readonly AdmittedMessage[],
  refused: readonly RefusedMessage[],
): InboxState {
  if (found.length > 0) return "queued";
  if (route.kind === "dead" || refused.length > 0) return "dead";
  // A receipt or a message that is known already needs no turn.
  return route.receipts === undefined ? "unmatched" : "done";
}

function accepted({ envelope, delivery_id }: Handoff, inbounds: number): AgentEvent {
  return {
    kind: "webhook_accepted",
    source_id: envelope.source_id,
    event_kind: envelope.event_kind,
    envelope_id: envelope.envelope_id,
    delivery_id,
    inbounds,
    at_ms: envelope.received_at_ms,
  };
}
