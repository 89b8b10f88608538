/**
 * Writes its last answer without a newline and ends.
 *
 * @module
 */
import process from "node:process";
import { behave, receive } from "./wire.mjs";

receive((frame) => {
  if (frame.method !== "tools/call") return behave(frame);
  process.stdout.write(JSON.stringify({ id: frame.id, result: "last words" }));
  process.stdin.destroy();
});
