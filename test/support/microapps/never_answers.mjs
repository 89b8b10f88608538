/**
 * Reads everything and says nothing, or nothing but the handshake when told so.
 *
 * @module
 */
import process from "node:process";
import { receive, shakeHands } from "./wire.mjs";

receive((frame) => {
  if (frame.method === "initialize" && process.argv[2] === "shakes-hands") {
    shakeHands(frame.id, { hooks: ["before_message"] });
  }
});
