/**
 * A child that gives back what it is told, as somebody writes it who knows the pipe: one read, many
 * lines, one write. It shakes hands, too, so that our host can run it as it is.
 *
 * @module
 */
import process from "node:process";

interface Request {
  readonly id?: number;
  readonly method: string;
  readonly params: { readonly arguments?: { readonly text: string } };
}

const HANDSHAKE = {
  server_info: { name: "echo", version: "1.0.0" },
  aliases: false,
  tools: [{
    name: "echo",
    description: "Gives the text back",
    input_schema: {
      type: "object",
      properties: { text: { type: "string" } },
      required: ["text"],
      additionalProperties: false,
    },
  }],
};

function resultOf({ method, params }: Request): unknown {
  if (method === "tools/call") return params.arguments?.text;
  return method === "initialize" ? HANDSHAKE : {};
}

let rest = "";
process.stdin.setEncoding("utf8").on("data", (chunk: string) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  let out = "";
  for (const line of lines) {
    const request = JSON.parse(line) as Request;
    const reply = { jsonrpc: "2.0", id: request.id, result: resultOf(request) };
    if (request.id !== undefined) out += `${JSON.stringify(reply)}\n`;
  }
  if (out !== "") process.stdout.write(out);
});
