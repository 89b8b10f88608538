/**
 * Behaves, and writes useless lines as fast as the pipe takes them.
 *
 * @module
 */
import process from "node:process";
import { behave, receive } from "./wire.mjs";

receive((frame) => behave(frame));
const stream = process.argv[2] === "stderr" ? process.stderr : process.stdout;
const useless = "all work and no play makes jack a dull boy\n".repeat(500);
function flood() {
  while (stream.write(useless));
  stream.once("drain", flood);
}
if (stream === process.stdout) flood();
else setInterval(() => stream.write(useless), 1);
