/**
 * Cannot be asked to stop: it ignores the request, its closed stdin and SIGTERM.
 *
 * @module
 */
import process from "node:process";
import { behave, receive } from "./wire.mjs";

process.on("SIGTERM", () => {});
process.on("SIGINT", () => {});
setInterval(() => {}, 1000);
receive((frame) => {
  if (frame.method !== "shutdown") behave(frame);
});
