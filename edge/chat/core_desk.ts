/**
 * Asking core for a visitor.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { type ChatRequest, subjects } from "../../core/contract/mod.ts";
import { currentTraceparent, inSpan } from "../../core/flow/trace.ts";

/** Asks core; the answer is its JSON. @throws {CodedError} what core or the bus says */
export type AskChat = (
  request: ChatRequest,
  authorization?: string | null,
) => Promise<Uint8Array<ArrayBuffer>>;

const CORE_LIMIT_MS = 10_000;

/** Returns the way to ask over `bus`. */
export function createAskChat(bus: Pick<Bus, "request">): AskChat {
  const encoder = new TextEncoder();
  return function askChat(request, authorization = null) {
    // Reading is a poll, and leads nowhere.
    if (request.op !== "say") return ask(request, authorization);
    return inSpan("chat message", { kind: "server" }, () => ask(request, authorization));
  };

  async function ask(
    request: ChatRequest,
    authorization: string | null,
  ): Promise<Uint8Array<ArrayBuffer>> {
    const traceparent = currentTraceparent();
    const { data } = await bus.request(
      subjects.chat,
      encoder.encode(JSON.stringify(request)),
      {
        timeoutMs: CORE_LIMIT_MS,
        headers: {
          ...(authorization === null ? {} : { authorization }),
          ...(traceparent === undefined ? {} : { traceparent }),
        },
      },
    );
    return new Uint8Array(data);
  }
}
