/**
 * The wire by hand, for children that misuse it on purpose.
 *
 * @module
 */
import process from "node:process";

/** Writes one frame. */
export function send(frame) {
  process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...frame })}\n`);
}

/** The handshake of a child with the tools `echo` and `bad`. */
export function shakeHands(id, extra = {}) {
  const tools = ["echo", "bad"];
  send({
    id,
    result: { server_info: { name: "child", version: "1.0.0" }, tools, hooks: [], ...extra },
  });
}

/** Calls `onFrame` for each line of stdin, with the raw line as well. */
export function receive(onFrame) {
  let rest = "";
  process.stdin.on("data", (chunk) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onFrame(JSON.parse(line), line);
  });
}

/** Does what a good child does with `frame`; false when there is nothing to do. */
export function behave(frame) {
  if (frame.method === "initialize") shakeHands(frame.id);
  else if (frame.method === "shutdown") {
    send({ id: frame.id, result: { ok: true } });
    process.exitCode = 0;
    process.stdin.destroy();
  } else if (frame.method === "tools/call" && frame.params.name === "echo") {
    send({ id: frame.id, result: frame.params });
  } else if (frame.method === "tools/call" && frame.params.name === "bad") {
    const error = {
      code: -32602,
      message: "invalid arguments: no",
      data: { code: "invalid_arguments" },
    };
    send({ id: frame.id, error });
  } else return false;
  return true;
}
