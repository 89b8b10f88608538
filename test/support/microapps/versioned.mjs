/**
 * Says which version of its code it runs, as a file has it; asks core before it answers when told to.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { behave, receive, send } from "./wire.mjs";

const version = readFileSync(process.argv[2], "utf8");
if (version === "broken") throw new Error("this code does not start");
const open = new Map();
receive((frame) => {
  if (frame.method !== "tools/call" && open.has(frame.id)) {
    send({ id: open.get(frame.id), result: version });
  } else if (frame.method !== "tools/call") behave(frame);
  else if (frame.params.args.hold === true) {
    const id = `app:${frame.id}`;
    open.set(id, frame.id);
    send({ id, method: "hold", params: {} });
  } else send({ id: frame.id, result: version });
});
