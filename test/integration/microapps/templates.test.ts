/**
 * What every microapp made from a template must do, asked of each as a real process.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../core/microapps/candidate.ts";
import { discoverMicroapps } from "../../../core/microapps/discovery.ts";
import { callTool, openTestHost, testMeta } from "../../support/microapps/host.ts";
import { openRawChild, type RawChild } from "../../support/microapps/raw_child.ts";

const templates = fileURLToPath(new URL("../../../extensions/templates/", import.meta.url));
if (!existsSync(join(templates, "ts/dist/main.js"))) {
  throw new Error('Cannot test the templates: run "npm run build" first');
}

async function candidateOf(path: string, config: unknown = {}): Promise<Candidate> {
  const id = path === "ts" ? "notebook" : "notebook-py";
  const { candidates, diagnostics } = await discoverMicroapps({
    config: { search_paths: [path], entries: { [id]: { config } } },
    configDir: templates,
    env: process.env,
    agentVersion: "0.1.5",
  });
  expect(diagnostics.map(({ code }) => code)).toEqual(["OptionalNotGranted"]);
  const [candidate] = candidates;
  if (candidate === undefined) throw new Error(`Cannot find the template "${path}"`);
  return candidate;
}

const request = (id: unknown, method: string, params: unknown = {}) =>
  `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;

async function withRawChild(path: string, use: (child: RawChild) => Promise<void>): Promise<void> {
  const { manifest: { transport }, root } = await candidateOf(path);
  if (transport.kind !== "stdio") throw new Error("Cannot start: no stdio");
  const stateDir = await mkdtemp(join(tmpdir(), "nexo-template-"));
  try {
    await using child = openRawChild({ ...transport, cwd: root, stateDir });
    await use(child);
  } finally {
    await rm(stateDir, { recursive: true, force: true });
  }
}

describe.each([["ts", "notebook"], ["python", "notebook-py"]])("the template %s", (path, id) => {
  it("shakes hands with described tools and a hook", async () => {
    await using app = await openTestHost([await candidateOf(path)]);
    await app.host.settled();
    expect(app.host.status()).toMatchObject([{
      id,
      state: "ready",
      tools: [{ name: "note_add" }, { name: "note_list" }],
      hooks: ["before_message"],
      version: "0.1.0",
    }]);
    const [add, list] = app.host.tools();
    expect(add?.description).toMatch(/^\[ext:notebook(-py)?\] Saves a short note/);
    expect(add?.inputSchema).toMatchObject({ type: "object", required: ["text"] });
    expect(add?.inputSchema).toHaveProperty("properties.text.maxLength", 10_000);
    expect(list?.inputSchema).toMatchObject({ type: "object" });
  });

  it("keeps the notes of each tenant in a directory of its own", async () => {
    await using app = await openTestHost([await candidateOf(path)]);
    await app.host.settled();
    const note = { text: "Grüße, 世界\n🙂", title: "Hello" };
    expect(await callTool(app, id, "note_add", note)).toMatchObject({
      ok: true,
      value: { ok: true, text: "Saved. Notes so far: 1." },
    });
    const other = await callTool(app, id, "note_list", {}, { account: "globex" });
    expect(other).toMatchObject({ ok: true, value: { notes: [] } });
    expect(await callTool(app, id, "note_list")).toMatchObject({ value: { notes: [note] } });
    const tenants = join(app.homeDir, "extensions", id, "state", "tenants");
    expect((await readdir(tenants)).sort()).toEqual(["acme", "globex"]);
    const file = await readFile(join(tenants, "acme", "notes.jsonl"), "utf8");
    expect(JSON.parse(file)).toMatchObject({ ...note, call_id: "c-1" });
  });

  it("does a step once, however often and however concurrently it is asked", async () => {
    await using app = await openTestHost([await candidateOf(path)]);
    await app.host.settled();
    const texts = Array.from({ length: 40 }, (_, n) => `note ${n % 20}`);
    await Promise.all(
      texts.map((text) => callTool(app, id, "note_add", { text }, { callId: text })),
    );
    const list = await callTool(app, id, "note_list");
    const { notes } = (list.ok ? list.value : { notes: [] }) as { notes: { text: string }[] };
    expect(notes.map(({ text }) => text).sort()).toEqual([...new Set(texts)].sort());
  });

  it("keeps its notes when it is killed", async () => {
    await using app = await openTestHost([await candidateOf(path)]);
    await app.host.settled();
    await callTool(app, id, "note_add", { text: "kept" });
    process.kill(app.host.status()[0]?.pid ?? 0, "SIGKILL");
    await app.entered(id, "ready", 2);
    expect(await callTool(app, id, "note_list")).toMatchObject({
      value: { notes: [{ text: "kept" }] },
    });
  });

  it("refuses bad arguments and bad names, and carries on", async () => {
    await using app = await openTestHost([await candidateOf(path)]);
    await app.host.settled();
    for (const args of [{}, { text: "" }, { text: 7 }, { text: "x".repeat(10_001) }, [], "text"]) {
      expect(await callTool(app, id, "note_add", args)).toMatchObject({
        ok: false,
        rpcCode: -32602,
        symbol: "invalid_arguments",
      });
    }
    const escaping = testMeta("c-1", "../../escape");
    const [tool] = app.host.tools();
    if (tool === undefined) throw new Error("no tool");
    const escaped = await app.host.callTool({
      tool,
      arguments: { text: "x" },
      meta: escaping,
      account: "acme",
    });
    expect(escaped.ok).toBe(false);
    await expect(app.host.request({
      microappId: id,
      method: "tools/call",
      params: { name: "nothing", arguments: {} },
      account: "acme",
    })).rejects.toMatchObject({
      code: -32601,
      message: "tool 'nothing' not registered",
      data: { code: "not_implemented" },
    });
    expect((await callTool(app, id, "note_list")).ok).toBe(true);
  });

  it("blocks the configured word in its hook", async () => {
    await using app = await openTestHost([await candidateOf(path, { blocked_word: "casino" })]);
    await app.host.settled();
    const ask = (text: string) =>
      app.host.runHook("before_message", { text }, { meta: testMeta(), account: "acme" });
    expect(await ask("hello")).toMatchObject({ blocked: null, params: { text: "hello" } });
    expect(await ask("a casino")).toMatchObject({ blocked: { microappId: id } });
  });

  it("keeps to the wire: ids echoed, blanks skipped, nonsense answered, notices unanswered", async () => {
    await withRawChild(path, async (child) => {
      child.write("\n  \r\n");
      const about = { extension_id: id, unknown: 1 };
      child.write(`${request(0, "initialize", about).trimEnd()}\r\n`);
      expect(await child.read()).toMatchObject({
        jsonrpc: "2.0",
        id: 0,
        result: { server_info: { name: id }, hooks: ["before_message"] },
      });
      child.write("{nonsense\n");
      const nonsense = await child.read();
      expect(nonsense).toMatchObject({ id: null, error: { code: -32700 } });
      child.write(`{"jsonrpc":"2.0","method":"nobody/listens","params":{}}\n`);
      child.write(request("text-id", "hooks/after_message", { text_out: "x" }));
      const hook = await child.read();
      expect(hook).toMatchObject({ id: "text-id", result: { abort: false } });
      expect(hook).not.toHaveProperty("error");
      child.write(request(7, "made/up"));
      expect(await child.read()).toMatchObject({
        id: 7,
        error: {
          code: -32601,
          message: "method not found: made/up",
          data: { code: "not_implemented" },
        },
      });
      child.write(request(8, "tools/list"));
      expect(await child.read()).toMatchObject({
        id: 8,
        result: { tools: ["note_add", "note_list"] },
      });
      const half = request(9, "tools/list");
      child.write(half.slice(0, 10));
      child.write(half.slice(10));
      expect(await child.read()).toMatchObject({ id: 9 });
      child.write(request(0, "shutdown", { reason: "test" }));
      expect(await child.exit()).toEqual({
        code: 0,
        rest: [{ jsonrpc: "2.0", id: 0, result: { ok: true } }],
      });
    });
  });

  it("ends when its stdin does", async () => {
    await withRawChild(path, async (child) => {
      child.write(request(0, "initialize"));
      await child.read();
      child.end();
      expect(await child.exit()).toEqual({ code: 0, rest: [] });
    });
  });
});
