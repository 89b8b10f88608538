/**
 * What the delivery tells in traces.
 *
 * @module
 */
import { failSpan, inSpan, type SpanOptions } from "../flow/trace.ts";
import type { OpenOutbound } from "../queues/outbound.ts";

/** A message on its way as a span, until it is settled. */
export function inOutboxSpan<T>(
  { id, account_id, session_id }: Pick<OpenOutbound, "account_id" | "id" | "session_id">,
  options: Pick<SpanOptions, "parent" | "startMs">,
  work: () => Promise<T>,
): Promise<T> {
  return inSpan("outbox", {
    ...options,
    kind: "consumer",
    attributes: {
      "nexo.outbound_id": id,
      "nexo.account_id": account_id,
      "nexo.session_id": session_id,
    },
  }, work);
}

/** One try as a span. */
export function inSendSpan<T extends { readonly kind: string }>(
  channel: string,
  send: () => Promise<T>,
): Promise<T> {
  const attributes = { "nexo.channel": channel };
  return inSpan(`send ${channel}`, { kind: "client", attributes }, async (span) => {
    const result = await send();
    span.setAttribute("nexo.outcome", result.kind);
    if (result.kind !== "sent") failSpan(span, result.kind);
    return result;
  });
}
