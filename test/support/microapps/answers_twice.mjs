/**
 * Answers each call twice, the second time with other words.
 *
 * @module
 */
import { behave, receive, send } from "./wire.mjs";

receive((frame) => {
  behave(frame);
  if (frame.method === "tools/call") send({ id: frame.id, result: "second answer" });
});
