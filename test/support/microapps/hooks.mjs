/**
 * Answers hooks with the outcome given as its argument; `{"crash":true}` ends it instead.
 *
 * @module
 */
import process from "node:process";
import { behave, receive, send, shakeHands } from "./wire.mjs";

const outcome = JSON.parse(process.argv[2] ?? "null");
const hooks = ["before_message", "after_message", "before_tool_call", "after_tool_call", "made_up"];
receive((frame) => {
  if (frame.method === "initialize") return shakeHands(frame.id, { hooks });
  if (!frame.method?.startsWith("hooks/")) return behave(frame);
  process.stderr.write(`${JSON.stringify(frame.params)}\n`);
  if (outcome?.crash === true) process.exit(1);
  if (outcome?.error !== undefined) return send({ id: frame.id, error: outcome.error });
  return send({ id: frame.id, result: outcome });
});
