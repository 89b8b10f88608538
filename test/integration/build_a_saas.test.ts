/**
 * docs/build-a-saas.md: every command runs, every file is read, and all of it has the effect that is told.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { cloneAgentCreator } from "../support/agent_creator.ts";
import { type HttpPeer, openHttpPeer } from "../support/channels/http_peer.ts";
import { runNexoIn } from "../support/cli.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { freePort } from "../support/free_port.ts";
import { eventually, type SeenEvent, tailTurns } from "../support/watch.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PRINTED_URL = "http://127.0.0.1:8787";

/** A fenced block of the page. */
interface Block {
  readonly language: string;
  readonly text: string;
}

let place: DaemonPlace;
let desk: HttpPeer;
let daemon: RunningDaemon;
let blocks: readonly Block[];
let page: string;
/** What each shell block printed, by its first line. */
const printed = new Map<string, string>();

beforeAll(async () => {
  page = await readFile(join(ROOT, "docs/build-a-saas.md"), "utf8");
  blocks = [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].map(([, language = "", text = ""]) => ({
    language,
    text,
  }));
  place = await openDaemonPlace();
  const start = {
    "agents.yaml": "agents: []\n",
    "tenants.yaml": "tenants: {}\n",
    "webhook_receiver.yaml": "enabled: false\n",
    "extensions.yaml": "extensions: { search_paths: [], entries: {} }\n",
    "plugins/webchat.yaml": "webchat: { instances: [] }\n",
  };
  for (const [file, text] of Object.entries(start)) await place.writeConfig(file, text);
  const clone = join(place.home, "../clone");
  await cloneAgentCreator(join(clone, "extensions/agent-creator"), { port: await freePort() });
  // The commands as they are printed, carried out here; the platform of the first one runs already.
  let turn: Promise<unknown> = Promise.resolve();
  desk = await openHttpPeer(({ body }) => {
    const args = new URLSearchParams(body).getAll("a");
    if (args[0] === "dev") return { body: "" };
    const answer = turn.then(() => runNexoIn(clone, place.env, args)).then((
      { code, stdout, stderr },
    ) => code === 0 ? { body: stdout } : { status: 422, body: `${stdout}${stderr}` });
    turn = answer;
    return answer;
  });
  const bin = join(place.home, "../bin");
  await mkdir(bin, { recursive: true });
  const carry =
    `for a; do set -- "$@" --data-urlencode "a=$a"; shift; done\ncurl -sS --fail-with-body "$DESK" "$@"`;
  const commands = { npx: `[ "$1" = nexo ] || exit 64\nshift\n${carry}`, nexo: carry };
  for (const [name, text] of Object.entries(commands)) {
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`);
    await chmod(join(bin, name), 0o755);
  }
  daemon = await place.start();

  // Files where they stand on the page, and one shell for all commands, as at a desk.
  const script = ["set -euo pipefail", 'export PATH="$BIN:$PATH"'];
  for (const { language, text } of blocks) {
    const file = /^# (agents\.d\/\S+)$/m.exec(text)?.[1];
    if (language === "yaml" && file !== undefined) {
      script.push(
        `mkdir -p "$NEXO_CONFIG/agents.d"`,
        `cat > "$NEXO_CONFIG/${file}" <<'FILE'\n${text}FILE`,
      );
      script.push("nexo reload");
    }
    if (language !== "sh") continue;
    script.push(`echo "::: ${text.split("\n", 1)[0]?.replaceAll(/["$`\\]/g, "\\$&")}"`);
    script.push(text.replaceAll(PRINTED_URL, daemon.edgeUrl));
  }
  const child = spawn("bash", ["-c", script.join("\n")], {
    cwd: clone,
    env: { ...place.env, BIN: bin, DESK: desk.url },
  });
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const [code] = await once(child, "close") as [number];
  expect(code, `${out.slice(-3000)}\n${err.slice(-3000)}`).toBe(0);
  for (const part of out.split(/^::: /m).slice(1)) {
    const [first = "", ...rest] = part.split("\n");
    printed.set(first, rest.join("\n"));
  }
}, 300_000);
afterAll(async () => {
  await place?.[Symbol.asyncDispose]();
  await desk?.[Symbol.asyncDispose]();
});

/** What the block that begins so has printed. */
function printedBy(beginning: string): string {
  const found = [...printed].find(([first]) => first.startsWith(beginning));
  if (found === undefined) throw new Error(`no block begins with "${beginning}"`);
  return found[1];
}

const eventsOf = async (account: string) =>
  (await daemon.call<{ events: SeenEvent[] }>("events/list", { account, limit: 1000 })).events;

describe("docs/build-a-saas.md", () => {
  it("has every section of the walkthrough it tells anew", () => {
    const sections = [...page.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual([
      "What you get",
      "Reference scaffold",
      "Tenant onboarding flow",
      "Channel binding",
      "Credential vault pattern",
      "Drip scheduler",
      "Compliance hooks",
      "Audit queries",
      "Live event firehose",
      "Going to production",
      "What is not left for later",
    ]);
  });

  it("runs every command it shows", () => {
    const shown = blocks.filter(({ language }) => language === "sh").length;
    expect(shown).toBeGreaterThan(12);
    expect(printed.size).toBe(shown);
  });

  it("leaves each tenant its own files, the credential unreadable", async () => {
    const names = blocks.find(({ language }) => language === "text")?.text.match(/^\S+/gm) ?? [];
    for (const name of names) expect(printedBy("ls ")).toContain(name);
    const kept = join(place.home, "extensions/agent-creator/state/tenants/acme/credentials.json");
    expect(await readFile(kept, "latin1")).toMatch(/^age-encryption\.org\/v1/);
  });

  it("binds the channel as it shows", async () => {
    const shown = blocks.find(({ text }) => text.startsWith("# agents.yaml"));
    const [agent] = (parse(shown?.text ?? "") as { agents: object[] }).agents;
    const file = await readFile(join(place.configDir, "agents.yaml"), "utf8");
    const { agents } = parse(file) as { agents: { id: string }[] };
    expect(agents.find(({ id }) => id === "acme-agent")).toMatchObject(agent ?? {});
  });

  it("sends the campaign to who was put into it, until they say stop", async () => {
    const drips = (await tailTurns(daemon, { account: "globex" }))
      .filter(({ agent_id }) => agent_id === "drips");
    expect(drips).toMatchObject([{ binding_id: "event:drips", outcome: "ok", tool_calls: 1 }]);
    expect(printedBy('npx nexo chat globex "STOP"')).toContain("true");
  });

  it("says the tenant on every turn as it is written", async () => {
    const turns = await tailTurns(daemon, { account: "acme" });
    expect(turns.length).toBeGreaterThanOrEqual(2);
    expect(new Set(turns.map(({ account_id }) => account_id))).toEqual(new Set(["acme"]));
    expect(await tailTurns(daemon, { account: "initech" })).toEqual([]);
  });

  it("puts takeovers and escalations on the firehose, and the summary before the agent", async () => {
    const events = await eventsOf("acme");
    const kinds = new Set(events.map(({ kind }) => kind));
    for (
      const kind of ["processing_state_changed", "escalation_requested", "escalation_resolved"]
    ) expect(kinds).toContain(kind);
    expect(events.map(({ body }) => body)).toContain(
      "[operator_summary] Promised the money by Monday.",
    );
  });

  it("prints the admin calls on agents, and a record that verifies", () => {
    const calls = printedBy("npx nexo microapp admin audit tail");
    expect(calls).toContain('"method": "nexo/admin/agents/upsert"');
    expect(calls).not.toContain("credentials/register");
  });

  it("goes to production with the grants it shows, and says which one is missing", async () => {
    const shown = blocks.find(({ text }) => text.startsWith("# extensions.yaml"))?.text ?? "";
    const path = join(place.home, "../clone/extensions/agent-creator");
    const entry = (text: string) =>
      text.replace("    agent-creator:\n", `    agent-creator:\n      path: ${path}\n`);
    const ready = async (wanted: boolean) => {
      await daemon.call("reload");
      return eventually(daemon, async () => {
        const { microapps } = await daemon.call<{ microapps: { state: string }[] }>("ext/status");
        return (microapps[0]?.state === "ready") === wanted || undefined;
      });
    };
    await place.writeConfig("extensions.yaml", entry(shown));
    await ready(true);
    expect((await place.nexo("doctor", "capabilities")).code).toBe(0);
    await place.writeConfig(
      "extensions.yaml",
      entry(shown.replace("        - pairing_initiate\n", "")),
    );
    await ready(false);
    expect((await place.nexo("ext", "status")).stdout).toContain("pairing_initiate");
  });
});
