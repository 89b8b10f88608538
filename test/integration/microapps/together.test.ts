/**
 * One daemon and one agent, with microapps of every make at once, as an operator sets them up.
 *
 * @module
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../../support/daemon.ts";
import { DENO } from "../../support/sandbox/place.ts";

const fixture = (file: string) =>
  fileURLToPath(new URL(`../../support/microapps/${file}`, import.meta.url));
const template = (path: string) =>
  fileURLToPath(new URL(`../../../extensions/templates/${path}`, import.meta.url));
const everything = join(
  dirname(
    createRequire(import.meta.url).resolve("@modelcontextprotocol/server-everything/package.json"),
  ),
  "dist/index.js",
);

/** A microapp that is this command, asking for what it may do. */
const manifest = (
  id: string,
  command: string,
  args: readonly string[],
  wants: readonly string[] = [],
) =>
  `[plugin]\nid = "${id}"\nversion = "0.1.0"\n[capabilities]\ntools = ["any"]\n` +
  `[capabilities.admin]\noptional = ${JSON.stringify(wants)}\n` +
  `[transport]\nkind = "stdio"\ncommand = ${JSON.stringify(command)}\nargs = ${
    JSON.stringify(args)
  }\n`;
const deno = ["run", "--no-prompt", "--allow-read", "--allow-write", "--allow-env"];
const mute = '{"abort":true,"decision":"block","reason":"opted out","do_not_reply_again":true}';
const MICROAPPS = {
  rust: manifest("rust", "node", [fixture("rust_sdk.mjs")], [
    "agents_crud",
    "transcripts_subscribe",
  ]),
  notes_node: manifest("notes_node", "node", [template("ts/dist/main.js")]),
  notes_deno: manifest("notes_deno", DENO, [...deno, template("ts/main.ts")]),
  notes_py: manifest("notes_py", "python3", [template("python/main.py")]),
  doc: manifest("doc", "node", [fixture("doc_style.mjs")]),
  silencer: manifest("silencer", "node", [fixture("rust_sdk.mjs"), mute]),
};
const extensions = (silencer: string) => `
extensions:
  search_paths: [apps]
  entries:
    rust: { capabilities_grant: [agents_crud, transcripts_subscribe] }
    silencer: { ${silencer} }
`;
const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
    config: { debounce_ms: 0 }
`;

let place: DaemonPlace;
let daemon: RunningDaemon;

beforeAll(async () => {
  place = await openDaemonPlace({ env: { NEXO_MICROAPP_ADMIN_SKILLS_ENABLED: "off" } });
  for (const [id, text] of Object.entries(MICROAPPS)) {
    await mkdir(join(place.configDir, "apps", id), { recursive: true });
    await writeFile(join(place.configDir, "apps", id, "plugin.toml"), text);
  }
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig("extensions.yaml", extensions("enabled: false"));
  await place.writeConfig(
    "mcp.yaml",
    `mcp:\n  servers:\n    everything: { command: node, args: [${everything}, stdio] }\n`,
  );
  daemon = await place.start("core");
});
afterAll(() => place[Symbol.asyncDispose]());

interface Answer {
  outcome: string | null;
  reply: string | null;
  error: string | null;
}
const chat = (text: string, instance = "acme") =>
  daemon.call<Answer>("chat", { instance, text, contact: "visitor" });
interface Status {
  id: string;
  state: string;
  restarts: number;
}
const status = async () => (await daemon.call<{ microapps: Status[] }>("ext/status", {})).microapps;
const heardBy = async (id: string) => {
  const file = join(place.home, "extensions", id, "state/frames.log");
  const lines = (await readFile(file, "utf8")).split("\n").slice(0, -1);
  return lines.map((line) => JSON.parse(line) as { method?: string; params?: unknown });
};

describe("microapps of every make", () => {
  it("serve the same agent in one turn, unchanged", async () => {
    const answer = await chat(
      'ext_rust_context {} ext_notes_node_note_add {"text": "a"} ' +
        'ext_notes_deno_note_add {"text": "b"} ext_notes_py_note_add {"text": "c"} ' +
        'ext_doc_output {} mcp_everything_get-sum {"a": 20, "b": 22}',
    );
    expect(answer).toMatchObject({ outcome: "ok", error: null });
    const lines = (answer.reply ?? "").split("\n");
    expect(lines[0]).toMatch(/^context answered: \{"agent_id":"ana",.*"tenant_id":"acme"/);
    expect(lines.slice(1, 4)).toEqual(
      Array.from(
        { length: 3 },
        () => 'note_add answered: {"ok":true,"text":"Saved. Notes so far: 1."}',
      ),
    );
    expect(lines[4]).toBe('output answered: {"n":1}');
    expect(lines[5]).toMatch(/^get-sum answered: .*42/);
    const states = (await status()).map(({ id, state }) => [id, state]);
    expect(Object.fromEntries(states)).toEqual({
      "doc": "ready",
      "mcp:everything": "ready",
      "notes_deno": "ready",
      "notes_node": "ready",
      "notes_py": "ready",
      "rust": "ready",
    });
  });

  it("hear what they were granted and nothing else", async () => {
    await place.writeConfig(
      "agents.yaml",
      `${AGENTS}  - { id: bob, model: { provider: offline, model: rules } }\n`,
    );
    await daemon.call("reload", {});
    await expect.poll(async () =>
      (await heardBy("rust")).findLast(({ method }) => method === "agents/updated")
    )
      .toMatchObject({ params: { agent_ids: ["ana", "bob"] } });
    const kinds = (await heardBy("rust"))
      .filter(({ method }) => method === "nexo/notify/agent_event")
      .map(({ params }) => (params as { kind: string }).kind);
    expect(new Set(kinds)).toEqual(new Set(["transcript_appended"]));
    // One that would fall over a frame without an id was never sent one.
    expect((await status()).map(({ restarts }) => restarts)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it("can silence a conversation, which stays silent until an operator says otherwise", async () => {
    await place.writeConfig("extensions.yaml", extensions("enabled: true"));
    await daemon.call("reload", {});
    await expect.poll(async () => (await chat("please stop", "globex")).error)
      .toBe("stopped by a hook: silencer: opted out");
    await place.writeConfig("extensions.yaml", extensions("enabled: false"));
    await daemon.call("reload", {});
    await daemon.kill();
    daemon = await place.start("core");
    expect(await chat("hello?", "globex")).toMatchObject({
      outcome: "refused",
      error: "conversation_muted",
      reply: null,
    });
    expect((await chat("hello?")).outcome).toBe("ok");
    const { stdout } = await place.nexo("conversations", "muted", "--json");
    const [silent] = JSON.parse(stdout) as { session_id: string }[];
    expect(silent).toMatchObject({ account_id: "globex", muted_by: "silencer" });
    const session = silent?.session_id ?? "";
    expect((await place.nexo("conversations", "unmute", "globex", session)).code).toBe(0);
    expect((await chat("hello?", "globex")).outcome).toBe("ok");
  });

  it("are told the truth about switches, and so is the operator", async () => {
    const { code, stdout } = await place.nexo("doctor", "capabilities", "--json");
    expect(code).toBe(0);
    const states = (JSON.parse(stdout) as { env_var: string; state: string }[])
      .map(({ env_var, state }) => [env_var, state]);
    expect(Object.fromEntries(states)).toMatchObject({
      NEXO_MICROAPP_ADMIN_SKILLS_ENABLED: "disabled",
      NEXO_MICROAPP_ADMIN_AGENTS_ENABLED: "enabled",
    });
    await daemon.stop();
    expect((await place.nexo("doctor", "capabilities")).code).toBe(3);
  });
});
