/**
 * What providers say later of what was sent: events, and what they could not deliver as dead letters.
 *
 * @module
 */
import type { Receipt } from "../channels/channel.ts";
import type { ChannelDelivery } from "../channels/ingress.ts";
import { type AgentEvent, bindingId, type Clock, Uuid } from "../contract/mod.ts";
import type { RowsForEvents } from "../events/event_rows.ts";
import type { DeadLetters } from "../queues/dead_letters.ts";
import type { Outbox } from "../queues/outbox.ts";
import type { Redactor } from "../redact/redactor.ts";
import type { Write } from "../store/store.ts";

/** Receipts of one instance. */
export type HeardReceipts = Pick<
  ChannelDelivery,
  "account" | "agentId" | "channel" | "instance" | "receipts"
>;

/** Makes the rows of receipts. */
export type ReceiptRows = (heard: HeardReceipts) => Promise<Write[]>;

/** What receipts need. */
export interface ReceiptDeps {
  readonly outbox: Outbox;
  readonly deadLetters: DeadLetters;
  readonly eventRows: RowsForEvents;
  readonly redact: Redactor;
  readonly uuid: () => string;
  readonly now: Clock;
}

/** Returns what makes the rows of receipts. */
export function createReceiptRows(deps: ReceiptDeps): ReceiptRows {
  const { outbox, deadLetters, redact, uuid, now } = deps;

  /** What a receipt changes of the message it is for; only the tenant's own, of that instance. */
  async function changesBy(
    { outboundId, status, reason, msgId }: Receipt,
    { account, channel, instance }: HeardReceipts,
  ): Promise<Write[]> {
    if (outboundId === null || !Uuid.safeParse(outboundId).success) return [];
    if (status !== "failed") return outbox.rowsForConfirmed(account, outboundId, msgId, now());
    if (!await outbox.wasSent(account, outboundId, channel, instance)) return [];
    return [
      ...outbox.rowsForBounced(account, outboundId),
      ...deadLetters.rowsForDead({
        id: uuid(),
        account_id: account,
        kind: "outbox",
        ref_id: outboundId,
        source: bindingId(channel, instance),
        code: "outbound_failed",
        detail: redact(reason ?? "the provider could not deliver it", account),
        at_ms: now(),
      }),
    ];
  }

  return async function receiptRows(heard) {
    const changes = await Promise.all(heard.receipts.map((receipt) => changesBy(receipt, heard)));
    return [
      ...changes.flat(),
      ...deps.eventRows({
        account: heard.account,
        events: heard.receipts.map((receipt) => eventOf(receipt, heard, redact)),
      }),
    ];
  };
}

function eventOf(
  { msgId, outboundId, status, reason, atMs }: Receipt,
  { account, agentId, channel, instance }: HeardReceipts,
  redact: Redactor,
): AgentEvent {
  return {
    kind: "outbound_receipt",
    agent_id: agentId,
    channel,
    instance,
    msg_id: msgId,
    ...(Uuid.safeParse(outboundId).success ? { outbound_id: outboundId ?? "" } : {}),
    status,
    ...(reason === null ? {} : { reason: redact(reason, account) }),
    at_ms: atMs,
  };
}
