/**
 * Answers `echo` with its environment and working directory.
 *
 * @module
 */
import process from "node:process";
import { behave, receive, send } from "./wire.mjs";

receive((frame) => {
  if (frame.method !== "tools/call") return behave(frame);
  return send({ id: frame.id, result: { env: process.env, cwd: process.cwd() } });
});
