/**
 * Has one tool, named after how often it was started.
 *
 * @module
 */
import { appendFileSync, readFileSync } from "node:fs";
import process from "node:process";
import { behave, receive, shakeHands } from "./wire.mjs";

const file = `${process.env.NEXO_EXTENSION_STATE_ROOT}/starts`;
appendFileSync(file, "x");
receive((frame) => {
  if (frame.method !== "initialize") return behave(frame);
  return shakeHands(frame.id, { tools: [`start_${readFileSync(file).length}`] });
});
