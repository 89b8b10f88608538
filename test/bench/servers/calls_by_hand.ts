/**
 * Calling a child over line JSON-RPC, written by hand: a map of open calls, and nothing around it.
 *
 * @module
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { CALL_TEXT, serveCallJobs } from "./call_loop.ts";
import { benchGone, sayReady } from "./talk.ts";

const child = spawn(process.execPath, process.argv.slice(2), {
  stdio: ["pipe", "pipe", "inherit"],
});
const open = new Map<number, (result: unknown) => void>();

let rest = "";
child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
  const lines = (rest + chunk).split("\n");
  rest = lines.pop() ?? "";
  for (const line of lines) {
    const { id, result } = JSON.parse(line) as { id: number; result: unknown };
    open.get(id)?.(result);
    open.delete(id);
  }
});

serveCallJobs(async (id) => {
  const params = { name: "echo", arguments: { text: CALL_TEXT } };
  const result = await new Promise<unknown>((resolve) => {
    open.set(id, resolve);
    child.stdin.write(`${JSON.stringify({ jsonrpc: "2.0", id, method: "tools/call", params })}\n`);
  });
  if (result !== CALL_TEXT) throw new Error("Cannot measure: wrong answer");
});
sayReady({});
await benchGone();
child.kill();
