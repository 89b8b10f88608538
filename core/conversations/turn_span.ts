/**
 * A turn as a span, beginning when its first message was queued.
 *
 * @module
 */
import { inSpan } from "../flow/trace.ts";
import type { OpenInbound } from "../queues/inbounds.ts";

/** Runs a turn with the time its messages waited, as a span under what queued the first of them. */
export function traced<End extends { readonly kind: string }>(
  [first, ...others]: readonly OpenInbound[],
  run: () => Promise<End>,
): Promise<End> {
  if (first === undefined) return run();
  return inSpan("conversation", {
    parent: first.traceparent,
    links: others.flatMap(({ traceparent }) => traceparent ?? []),
    startMs: first.created_at_ms,
    attributes: {
      "nexo.account_id": first.account_id,
      "nexo.session_id": first.session_id,
      "nexo.messages": others.length + 1,
    },
  }, async (span) => {
    const end = await run();
    span.setAttribute("nexo.outcome", end.kind);
    return end;
  });
}
