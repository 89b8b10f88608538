/**
 * Asks core: before the handshake is answered, and again while a call is open. `echo` returns the raw
 * lines it got so far.
 *
 * @module
 */
import process from "node:process";
import { behave, receive, send } from "./wire.mjs";

const lines = [];
let open = null;
process.stdout.write("\n");
send({ id: "app:early", method: "nexo/admin/early", params: {} });
receive((frame, line) => {
  lines.push(line);
  if (frame.method === "tools/call") {
    open = frame.id;
    send({ id: "app:1", method: "nexo/admin/echo", params: { text: "hi" } });
    send({ id: 77, method: "memory.recall", params: {} });
    send({ id: "me:1", method: "nexo/admin/echo", params: {} });
    send({ id: "app:fault", method: "nexo/admin/refused", params: null });
  } else if (frame.method !== undefined) behave(frame);
  else if (open !== null && ["app:1", 77, "me:1", "app:fault"].every(answered)) {
    send({ id: open, result: lines });
    open = null;
  }
});

function answered(id) {
  return lines.map((line) => JSON.parse(line))
    .some((frame) => frame.id === id && frame.method === undefined);
}
