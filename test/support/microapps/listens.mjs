/**
 * Keeps every event it hears in `heard.jsonl` of its state directory; its tool `ask` calls core and
 * gives the answer back.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { behave, receive, send, shakeHands } from "./wire.mjs";

const heard = join(process.env.NEXO_EXTENSION_STATE_ROOT ?? ".", "heard.jsonl");
const asked = new Map();
let count = 0;

receive((frame) => {
  if (frame.method === "initialize") return shakeHands(frame.id, { tools: ["ask"] });
  if (frame.method === "nexo/notify/agent_event") {
    return appendFileSync(heard, `${JSON.stringify(frame.params)}\n`);
  }
  if (frame.method === "tools/call") {
    const id = `app:${++count}`;
    asked.set(id, frame.id);
    const { method, params } = frame.params.arguments;
    return send({ id, method, params });
  }
  if (frame.method !== undefined) return void behave(frame);
  const call = asked.get(frame.id);
  asked.delete(frame.id);
  const text = JSON.stringify(frame.error ?? frame.result);
  if (call !== undefined) send({ id: call, result: { output: text } });
});
