/**
 * Dies in the middle of a call to `bad`; says on stderr what it was told.
 *
 * @module
 */
import process from "node:process";
import { behave, receive } from "./wire.mjs";

receive((frame, line) => {
  process.stderr.write(`[DEBUG] ${line}\n`);
  if (frame.method === "tools/call" && frame.params.name === "bad") process.exit(9);
  behave(frame);
});
