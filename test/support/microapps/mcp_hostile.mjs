/**
 * An MCP server by hand that misbehaves as its arguments say.
 *
 * @module
 */
import process from "node:process";
import { receive, send } from "./wire.mjs";

const deeds = process.argv.slice(2);
const has = (deed) => deeds.includes(deed);
if (has("stubborn")) {
  process.on("SIGTERM", () => {});
  setInterval(() => {}, 1000);
}
const tool = (name, more = {}) => ({ name, inputSchema: { type: "object" }, ...more });
let listed = 0;

function listTools({ id, params }) {
  listed += 1;
  if (has("endlessList")) {
    return send({
      id,
      result: { tools: [tool(`page_${params?.cursor ?? 0}`)], nextCursor: `${listed}` },
    });
  }
  if (has("manyTools")) {
    return send({ id, result: { tools: Array.from({ length: 10_000 }, (_, n) => tool(`t${n}`)) } });
  }
  const tools = [
    tool("echo", { outputSchema: { type: "object", properties: { a: { pattern: "^(a+)+$" } } } }),
    tool("deed"),
  ];
  if (listed > 1) tools.push(tool("later"));
  send({ id, result: { tools } });
}

function flood() {
  const line = `${
    JSON.stringify({
      jsonrpc: "2.0",
      method: "notifications/message",
      params: { level: "info", data: "x" },
    })
  }\n`;
  const lines = line.repeat(1000);
  const more = () => {
    while (process.stdout.write(lines));
    process.stdout.once("drain", more);
  };
  more();
}

receive((frame) => {
  const { id, method, params } = frame;
  switch (method) {
    case "initialize":
      if (has("silent")) return;
      process.stderr.write(
        `[WARN] env ${process.env.MCP_OWN ?? ""} ${process.env.SHOP_TOKEN ?? "no token"}\n`,
      );
      return send({
        id,
        result: {
          protocolVersion: params.protocolVersion,
          capabilities: { tools: { listChanged: true } },
          serverInfo: { name: "hostile", version: "1.2.3" },
        },
      });
    case "tools/list":
      return listTools(frame);
    case "tools/call":
      if (params.name === "echo") {
        const text = JSON.stringify({ arguments: params.arguments, meta: params._meta });
        return send({ id, result: { content: [{ type: "text", text }] } });
      }
      if (has("dies")) process.exit(9);
      if (has("floods")) return flood();
      if (has("garbage")) process.stdout.write("no frame\n[1,2]\n{\n");
      if (has("forges")) {
        for (const forged of [0, 999, "x", null]) send({ id: forged, result: {} });
      }
      if (has("changes")) send({ method: "notifications/tools/list_changed" });
      if (has("fails")) return send({ id, error: { code: -32602, message: "no such thing" } });
      if (has("refuses")) {
        return send({
          id,
          result: { content: [{ type: "text", text: "closed on Sundays" }], isError: true },
        });
      }
      if (has("hangs")) return;
      if (has("odd")) return send({ id, result: "text" });
      return send({
        id,
        result: {
          content: [{ type: "image", mimeType: "image/png", data: "AA" }],
          structuredContent: { n: 1 },
        },
      });
  }
});
