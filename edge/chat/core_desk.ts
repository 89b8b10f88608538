/**
 * Asking core for a visitor.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { type ChatRequest, subjects } from "../../core/contract/mod.ts";

/** Asks core; the answer is its JSON. @throws {CodedError} what core or the bus says */
export type AskChat = (
  request: ChatRequest,
  authorization?: string | null,
) => Promise<Uint8Array<ArrayBuffer>>;

const CORE_LIMIT_MS = 10_000;

/** Returns the way to ask over `bus`. */
export function createAskChat(bus: Pick<Bus, "request">): AskChat {
  const encoder = new TextEncoder();
  return async function askChat(request, authorization = null) {
    const { data } = await bus.request(
      subjects.chat,
      encoder.encode(JSON.stringify(request)),
      {
        timeoutMs: CORE_LIMIT_MS,
        ...(authorization === null ? {} : { headers: { authorization } }),
      },
    );
    return new Uint8Array(data);
  };
}
