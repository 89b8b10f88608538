/**
 * A microapp as the Rust SDK's programs are on the wire: one loop that handles a line to its end before it
 * reads the next, members of every object in alphabetical order, names in place of descriptors. Every line it reads
 * is kept in its state directory.
 *
 * Its tools: `quote` refuses its arguments, `said` answers in the SDK's words, `nothing` with null, `context` with
 * what the SDK parses out of `_meta`, `whoami` asks core from inside a handler, which the loop can only
 * answer itself, by giving up; `crash` panics. The hook answers what the first argument says.
 *
 * @module
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { createInterface } from "node:readline";

const outcome = JSON.parse(process.argv[2] ?? '{"abort":false,"decision":"allow"}');
const frames = join(process.env.NEXO_EXTENSION_STATE_ROOT, "frames.log");
const pending = new Map();
let calls = 0;

/** As serde_json writes a map: sorted, compact. */
function compact(value) {
  if (Array.isArray(value)) return `[${value.map(compact).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${
    members.map(([name, member]) => `${JSON.stringify(name)}:${compact(member)}`).join()
  }}`;
}

const write = (frame) => void process.stdout.write(`${compact({ jsonrpc: "2.0", ...frame })}\n`);
const result = (id, value) => write({ id: id ?? null, result: value });
const error = (id, code, message, symbol) =>
  write({
    id: id ?? null,
    error: { code, message, ...(symbol === undefined ? {} : { data: { code: symbol } }) },
  });

/** An admin call; its answer is seen only by a loop that reads. */
function admin(method, params, { timeoutMs }) {
  calls += 1;
  const id = `app:00000000-0000-4000-8000-${String(calls).padStart(12, "0")}`;
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ transport: "no answer in time" }), timeoutMs);
    pending.set(id, (answer) => {
      clearTimeout(timer);
      resolve(answer);
    });
    write({ id, method, params });
  });
}

let early;
const tools = {
  quote: (id) => error(id, -32602, "invalid arguments: unknown sku", "invalid_arguments"),
  said: (id) => result(id, { ok: true, text: "three of them" }),
  nothing: (id) => result(id, null),
  early: async (id) => result(id, await early),
  context: (id, { _meta = {}, ...args }) =>
    result(id, {
      agent_id: _meta.agent_id ?? "unknown",
      session_id: _meta.session_id ?? null,
      binding: _meta.nexo?.binding ?? null,
      inbound: _meta.nexo?.inbound ?? null,
      args,
    }),
  async whoami(id) {
    const answer = await admin("nexo/admin/agents/list", {}, { timeoutMs: 300 });
    if (answer.transport === undefined) result(id, answer);
    else error(id, -32000, `internal: ${answer.transport}`, "internal");
  },
  crash: () => process.exit(101),
};

async function handle({ id, method = "", params = null }) {
  if (method === "initialize") {
    return result(id, {
      server_info: { name: "rust-app", version: "0.1.0" },
      tools: Object.keys(tools).sort(),
      hooks: ["before_message"],
    });
  }
  if (method === "tools/list") return result(id, { tools: Object.keys(tools).sort() });
  if (method === "tools/call") {
    const tool = tools[params?.name];
    if (tool !== undefined) return tool(id, params.arguments ?? {});
    return error(id, -32601, `tool '${params?.name ?? ""}' not registered`, "not_implemented");
  }
  if (method.startsWith("hooks/")) {
    return result(id, method === "hooks/before_message" ? outcome : { abort: false });
  }
  if (method === "shutdown") {
    result(id, { ok: true });
    return "stop";
  }
  return error(id, -32601, `method not found: ${method}`, "not_implemented");
}

// Background tasks start before the loop reads its first line.
early = admin("nexo/admin/agents/list", { active_only: true }, { timeoutMs: 60_000 });
for await (const line of createInterface({ input: process.stdin })) {
  appendFileSync(frames, `${line}\n`);
  const text = line.trim();
  if (text === "") continue;
  let frame;
  try {
    frame = JSON.parse(text);
  } catch (problem) {
    error(null, -32700, `parse error: ${problem.message}`);
    continue;
  }
  const isAnswer = typeof frame.id === "string" && frame.id.startsWith("app:") &&
    (frame.method ?? "") === "";
  if (isAnswer) {
    pending.get(frame.id)?.(frame);
    pending.delete(frame.id);
    continue;
  }
  if (!("id" in frame) && (frame.method ?? "") !== "") continue;
  if (await handle(frame) === "stop") break;
}
process.exit(0);
