/**
 * Shakes hands and never reads again, while it goes on asking.
 *
 * @module
 */
import process from "node:process";
import { send, shakeHands } from "./wire.mjs";

process.stdin.once("data", () => {
  process.stdin.pause();
  shakeHands(0);
  let asked = 0;
  setInterval(() => {
    for (let i = 0; i < 50; i++) {
      asked += 1;
      send({ id: `app:${asked}`, method: "nexo/admin/echo", params: { text: "x".repeat(100) } });
    }
  }, 1);
});
