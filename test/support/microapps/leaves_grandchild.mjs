/**
 * Starts a process of its own that would outlive it, and tells its pid.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { behave, receive, send } from "./wire.mjs";

const script = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
const { pid } = spawn(process.execPath, ["-e", script], {
  stdio: ["ignore", "inherit", "inherit"],
});
receive((frame) => {
  if (frame.method !== "tools/call") behave(frame);
  else if (frame.params.name === "bad") process.exit(1);
  else send({ id: frame.id, result: pid });
});
