/**
 * Answers calls in the opposite order once four have come.
 *
 * @module
 */
import { behave, receive, send } from "./wire.mjs";

const waiting = [];
receive((frame) => {
  if (frame.method !== "tools/call") return behave(frame);
  waiting.push(frame);
  if (waiting.length === 4) {
    for (const { id, params } of waiting.splice(0).reverse()) send({ id, result: params.args.n });
  }
});
