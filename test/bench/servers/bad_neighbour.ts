/**
 * A microapp that shakes hands and then floods or hangs, whichever it is told.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";

const send = (frame: object): void =>
  void process.stdout.write(`${JSON.stringify({ jsonrpc: "2.0", ...frame })}\n`);

function flood(): void {
  const frames = `${JSON.stringify({ jsonrpc: "2.0", method: "noise", params: {} })}\n`.repeat(
    1000,
  );
  const more = (): void => {
    let takes = true;
    while (takes) takes = process.stdout.write(frames);
    process.stdout.once("drain", more);
  };
  more();
}

for await (const line of createInterface({ input: process.stdin })) {
  const { id, method, params } = JSON.parse(line) as {
    id: unknown;
    method: string;
    params: { name?: string };
  };
  if (method === "initialize") {
    const server_info = { name: "bad", version: "1.0.0" };
    send({ id, result: { server_info, tools: ["flood", "hang"], hooks: [] } });
  } else if (method === "tools/call" && params.name === "flood") flood();
  else if (method === "tools/call") { while (process.pid > 0); }
}
