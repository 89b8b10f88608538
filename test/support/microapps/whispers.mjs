/**
 * Tells its standard error what it is asked, as a careless developer's debug line would.
 *
 * @module
 */
import process from "node:process";
import { behave, receive } from "./wire.mjs";

receive((frame, line) => {
  if (frame.method === "tools/call") process.stderr.write(`[DEBUG] got ${line}\n`);
  behave(frame);
});
