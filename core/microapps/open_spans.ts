/**
 * What a child asks core for while it serves a call belongs into the trace of that call.
 *
 * @module
 */
import { currentTraceparent, underSpan } from "../flow/trace.ts";
import { isObject } from "./json.ts";

/** A request of a child. */
export interface ChildRequest {
  readonly method: string;
  readonly params: unknown;
}

/** The spans of calls that one child has not answered yet. */
export interface OpenSpans {
  /** Makes a call to the child, which may name the span under way until the call has ended. */
  during<T>(call: () => Promise<T>): Promise<T>;
  /**
   * Has a request of the child answered: under the span that its `_meta.traceparent` names, when that is
   * one of an open call. Any other is as good as none, so that nobody writes into a trace of others.
   * `_meta` itself is for nobody beyond here.
   */
  answer<T>(
    request: ChildRequest,
    answer: (request: ChildRequest) => Promise<T>,
  ): Promise<T>;
}

/** Returns those of a child that was just started: none. */
export function createOpenSpans(): OpenSpans {
  const open = new Set<string>();
  return {
    async during(call) {
      const traceparent = currentTraceparent();
      if (traceparent === undefined) return call();
      open.add(traceparent);
      try {
        return await call();
      } finally {
        open.delete(traceparent);
      }
    },
    answer(request, answer) {
      if (!isObject(request.params)) return answer(request);
      const { _meta: meta, ...params } = request.params;
      if (meta === undefined) return answer(request);
      const named = isObject(meta) ? meta["traceparent"] : undefined;
      const bare = { method: request.method, params };
      return typeof named === "string" && open.has(named)
        ? underSpan(named, () => answer(bare))
        : answer(bare);
    },
  };
}
