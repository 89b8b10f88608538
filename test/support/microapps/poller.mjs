/**
 * Brings jobs of the kind `counter`: each look finds the next number after the cursor.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import { behave, receive, send } from "./wire.mjs";

const decoded = (cursor) => cursor === null ? 0 : Number(Buffer.from(cursor, "base64url"));

receive((frame) => {
  const { id, method, params } = frame;
  if (method === "initialize") {
    send({ id, result: { server_version: "1", hooks: [] } });
  } else if (method === "poll_list_tools") {
    const parameters = { type: "object", properties: { by: { type: "integer" } } };
    const tools = [{ name: "counter_peek", description: "Looks ahead.", parameters }];
    send({ id, result: params.kind === "counter" ? tools : { wrong: true } });
  } else if (method === "poll_tool_call") {
    send({ id, result: { ahead: params.args.by, kind: params.kind, name: params.tool_name } });
  } else if (method === "poll_tick") {
    if (params.config.fails) {
      return send({ id, error: { code: params.config.fails, message: "as asked" } });
    }
    const next = decoded(params.cursor) + 1;
    send({
      id,
      result: {
        items_seen: 1,
        items_dispatched: 1,
        deliver: [{
          channel: "webchat",
          recipient: params.config.to,
          payload: { text: `${params.account_id}: ${next}` },
        }],
        next_cursor: Buffer.from(String(next)).toString("base64url"),
      },
    });
  } else behave(frame);
});
