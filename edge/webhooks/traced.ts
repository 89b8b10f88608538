/**
 * A webhook as a span, and its hand-off to core as one under it, which is what core goes on from.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { currentTraceparent, failSpan, inSpan, isTracing } from "../../core/flow/trace.ts";
import type { Receive } from "./receive.ts";

/**
 * `receive` with a span around each request. A `traceparent` that came with it is a link and not the
 * parent: anybody on the internet can send one.
 */
export function traceReceive(receive: Receive): Receive {
  return (live, table, request, env) => {
    if (!isTracing()) return receive(live, table, request, env);
    const { id, path } = live.source;
    const attributes = {
      "http.request.method": request.method,
      "http.route": path,
      "nexo.source_id": id,
    };
    const given = request.headers.get("traceparent");
    const links = given === null ? [] : [given];
    return inSpan(`webhook ${id}`, { kind: "server", attributes, links }, async (span) => {
      const reply = await receive(live, table, request, env);
      span.setAttribute("http.response.status_code", reply.status);
      span.setAttribute("nexo.request_id", reply.requestId);
      if (reply.status >= 500) failSpan(span, String(reply.status));
      return reply;
    });
  };
}

/** `bus` with a span around each hand-off. */
export function traceHandoffs(bus: Pick<Bus, "publishDurable">): Pick<Bus, "publishDurable"> {
  return {
    publishDurable(handoffs) {
      if (!isTracing()) return bus.publishDurable(handoffs);
      return inSpan("handoff", { kind: "producer" }, (span) => {
        span.setAttribute("nexo.handoffs", handoffs.length);
        const traceparent = currentTraceparent();
        if (traceparent === undefined) return bus.publishDurable(handoffs);
        return bus.publishDurable(handoffs.map((handoff) => ({ ...handoff, traceparent })));
      });
    },
  };
}
