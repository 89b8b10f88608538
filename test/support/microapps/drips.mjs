/**
 * A drip campaign: `fire` publishes so many events for a tenant, `send_drip` answers one of them.
 *
 * @module
 */
import { behave, receive, send } from "./wire.mjs";

let open = null;
let waiting = 0;

receive((frame) => {
  const { id, method, params } = frame;
  if (method === "initialize") {
    const schema = { type: "object" };
    const tools = ["fire", "send_drip"].map((name) => ({ name, input_schema: schema }));
    send({ id, result: { server_info: { name: "drips", version: "1.0.0" }, tools, hooks: [] } });
  } else if (method === "tools/call" && params.name === "fire") {
    const { account, count } = params.arguments;
    open = id;
    waiting = count;
    for (let n = 0; n < count; n++) {
      const subject = `marketing.drip.fire.${account}`;
      const event = { subject, payload: { n }, dedupe_key: `${account}-${n}` };
      send({ id: `app:${account}-${n}`, method: "nexo/publish", params: event });
    }
  } else if (method === "tools/call" && params.name === "send_drip") {
    send({ id, result: { sent: params.arguments.n } });
  } else if (method === undefined) {
    waiting--;
    if (waiting === 0) send({ id: open, result: { fired: true } });
  } else behave(frame);
});
