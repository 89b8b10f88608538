/**
 * A microapp written after the documented examples: every line is taken for a request, so a notification ends
 * it; results and errors come as `{output}` and `{error}`; tools are descriptors, whose schema is called as the first
 * argument says.
 *
 * @module
 */
import process from "node:process";
import { receive, send } from "./wire.mjs";

const schema = process.argv[2] ?? "parameters";
const results = {
  output: { output: { n: 1 } },
  error: { error: "sold out" },
  text: "plain",
  list: [1, 2],
  nothing: null,
};

receive((frame) => {
  if (frame.id === undefined) throw new TypeError("every line has an id");
  switch (frame.method) {
    case "initialize":
      return send({
        id: frame.id,
        result: {
          tools: Object.keys(results).map((name) => ({
            name,
            description: `Gives ${name}`,
            [schema]: { type: "object", properties: { sku: { type: "string" } } },
          })),
          version: "3.0.0",
        },
      });
    case "tools/call": {
      const { tool, args, binding_context } = frame.params;
      if (args.sku === "context") return send({ id: frame.id, result: { binding_context, args } });
      return send({ id: frame.id, result: results[tool] });
    }
    case "poll_tick":
      return send({
        id: frame.id,
        result: { items_seen: 2, next_cursor: frame.params.cursor ?? "AA==" },
      });
    case "shutdown":
      send({ id: frame.id, result: {} });
      process.exit(0);
  }
});
