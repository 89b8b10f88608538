/**
 * What the walkthrough promises of compliance, audit and the firehose, line by line, as a microapp's
 * team and an operator would try it.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { delimiter, dirname, join, resolve } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { AuditView } from "../../core/contract/views/audit.ts";
import type { TurnView } from "../../core/contract/views/turns.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { runNexo } from "../support/cli.ts";
import { toolPath } from "../support/provision.ts";
import { eventually, type SeenEvent } from "../support/watch.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const JQ = toolPath("jq");
const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    transcripts_dir: ../transcripts
    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat, instance: globex }
`;
const TENANTS = "tenants: { acme: {}, globex: {} }\n";
const TRANSCRIPTS = `
redaction: { extra_patterns: [{ regex: 'CUST-\\d+', label: customer }] }
tenants: { acme: { extra_patterns: [{ regex: 'ACME-\\d+', label: order }] } }
`;
const PLUGIN = `
[plugin]
id = "agent-creator"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(import.meta.dirname, "../support/microapps/listens.mjs"))}]
[capabilities.admin]
required = ["agents_crud"]
optional = ["transcripts_read", "transcripts_subscribe"]
`;
const KEEPER = `
[plugin]
id = "keeper"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(import.meta.dirname, "../support/microapps/keeps_people.mjs"))}]
[capabilities]
tools = ["echo"]
data_erasure = true
`;
const EXTENSIONS = `
extensions:
  entries:
    keeper: { path: ./keeper }
    agent-creator:
      path: .
      capabilities_grant:
        - agents_crud
        - { capability: transcripts_read, tenants: [acme] }
        - { capability: transcripts_subscribe, tenants: [acme] }
`;

let place: DaemonPlace;
let daemon: RunningDaemon;

beforeAll(async () => {
  place = await openDaemonPlace({ env: { NEXO_MICROAPP_ADMIN_AUDIT_MAX_ROWS: "30" } });
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig("tenants.yaml", TENANTS);
  await place.writeConfig("transcripts.yaml", TRANSCRIPTS);
  await place.writeConfig("plugin.toml", PLUGIN);
  await place.writeConfig("keeper/plugin.toml", KEEPER);
  await place.writeConfig("extensions.yaml", EXTENSIONS);
  daemon = await place.start();
});
afterAll(() => place[Symbol.asyncDispose]());

const say = (instance: string, text: string, contact = "maria") =>
  daemon.call<{ reply: string; turn_id: string }>("chat", { instance, text, contact });

/** An admin call by the microapp, as its tool makes it. */
async function ask(method: string, params: object): Promise<Record<string, unknown>> {
  const { reply } = await say("acme", `ask ${JSON.stringify({ method, params })}`);
  return JSON.parse(/\{.*\}/s.exec(reply)?.[0] ?? "{}") as Record<string, unknown>;
}

const nexo = (...args: string[]) => runNexo(place.env, ...args);

async function json<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await nexo(...args, "--json");
  expect({ code, stderr: code === 0 ? "" : stderr }, args.join(" ")).toEqual({
    code: 0,
    stderr: "",
  });
  return JSON.parse(stdout) as T;
}

const eventsOf = async (account: string, kind: string) =>
  (await daemon.call<{ events: SeenEvent[] }>("events/list", { account, kind, limit: 1000 }))
    .events;

/** The contents of all files below a directory. */
async function filesIn(dir: string): Promise<string[]> {
  const found = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  return Promise.all(
    found.filter((entry) => entry.isFile())
      .map((entry) => readFile(join(entry.parentPath, entry.name), "utf8")),
  );
}

/** What the microapp wrote down of what it heard. */
async function heard(): Promise<SeenEvent[]> {
  const path = join(place.home, "extensions/agent-creator/state/heard.jsonl");
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "").map((line) =>
    JSON.parse(line) as SeenEvent
  );
}

describe("compliance hooks", () => {
  it("F7: redact before anything is kept, by transcripts.yaml alone, a tenant's own patterns included", async () => {
    await say("acme", "order ACME-77 of CUST-12, card 4539 5787 6362 1486");
    await say("globex", "order ACME-77 of CUST-12");
    const bodies = (events: SeenEvent[]) =>
      events.map(({ body }) => body).filter((body) => String(body).startsWith("order"));
    expect(bodies(await eventsOf("acme", "transcript_appended"))).toEqual([
      "order [REDACTED:order] of [REDACTED:customer], card [REDACTED:card]",
    ]);
    expect(bodies(await eventsOf("globex", "transcript_appended"))).toEqual([
      "order ACME-77 of [REDACTED:customer]",
    ]);
    const lines = (await nexo("transcripts", "export", "--account", "acme")).stdout
      .trim().split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines[0]).toMatchObject({ type: "session", version: 1, agent_id: "ana" });
    expect(lines[1]).toMatchObject({
      type: "entry",
      role: "user",
      content: "order [REDACTED:order] of [REDACTED:customer], card [REDACTED:card]",
      sender_id: "maria",
    });
    expect(JSON.stringify(lines)).not.toContain("ACME-77");
    // The files that transcripts_dir asks for hold the same, each tenant's in a directory of its own.
    const files = join(place.configDir, "../transcripts");
    const session = String(lines[0]?.["id"]);
    await eventually(
      daemon,
      async () =>
        (await filesIn(files)).some((text) => text.includes("of [REDACTED:customer], card")) ||
        undefined,
    );
    expect(await readdir(join(files, "acme"))).toEqual([`${session}.jsonl`]);
    expect((await filesIn(files)).join("")).not.toMatch(/CUST-12|4539/);
  });

  it("F1: let the firehose emit the same redacted body, to microapps with the grant and to browsers", async () => {
    const { token } = await daemon.call<{ token: string }>("token/create", {
      scope: ["tenant"],
      account: "acme",
    });
    const socket = new WebSocket(`${daemon.edgeUrl.replace("http", "ws")}/firehose?since=0`, [
      "nexo.firehose",
      `bearer.${token}`,
    ]);
    const seen: SeenEvent[] = [];
    const last = new Promise<void>((done) =>
      socket.on("message", (data: Buffer) => {
        const frame = JSON.parse(data.toString()) as { type: string; event?: SeenEvent };
        if (frame.event?.kind === "transcript_appended") seen.push(frame.event);
        if (frame.event?.["body"] === "goodbye for now") done();
      })
    );
    await say("globex", "nobody else's business");
    await say("acme", "goodbye for now");
    await last;
    socket.close();

    const kept = await eventsOf("acme", "transcript_appended");
    const told = kept.slice(0, seen.length);
    expect(seen).toEqual(told);
    const appended = (events: SeenEvent[]) =>
      events.filter(({ kind }) => kind === "transcript_appended");
    const own = await eventually(daemon, async () => {
      const events = await heard();
      return appended(events).length >= told.length ? events : undefined;
    });
    expect(appended(own).slice(0, told.length)).toEqual(told);
    expect(new Set(own.map((event) => event["tenant_id"]))).toEqual(new Set(["acme"]));
    expect(JSON.stringify(own)).not.toContain("business");
  });
});

describe("audit queries", () => {
  it("U1: tail one tenant's turns, strictly; others get an empty list; operators see all", async () => {
    const own = await json<TurnView[]>("turns", "tail", "--account", "acme", "--limit", "500");
    expect(own.length).toBeGreaterThan(1);
    expect(new Set(own.map(({ account_id }) => account_id))).toEqual(new Set(["acme"]));
    for (const probe of ["nobody", "ACME", "_", "acme' OR 1=1 --"]) {
      expect(await json("turns", "tail", "--account", probe)).toEqual([]);
    }
    const all = await json<TurnView[]>("turns", "tail", "--since", "30d", "--limit", "500");
    expect(new Set(all.map(({ account_id }) => account_id))).toEqual(new Set(["acme", "globex"]));
    expect(await json("turns", "tail", "--since", "2999-01-01")).toEqual([]);
  });

  it("U4: page by a cursor without a gap or a repeat", async () => {
    const seen: string[] = [];
    for (let cursor: string | undefined;;) {
      const at = cursor === undefined ? [] : ["--cursor", cursor];
      const page = await nexo(
        "turns",
        "tail",
        "--account",
        "acme",
        "--limit",
        "2",
        "--json",
        ...at,
      );
      seen.push(...(JSON.parse(page.stdout) as TurnView[]).map(({ turn_id }) => turn_id));
      cursor = /--cursor (\d+)/.exec(page.stderr)?.[1];
      if (cursor === undefined) break;
    }
    const all = await json<TurnView[]>("turns", "tail", "--account", "acme", "--limit", "500");
    expect(seen).toEqual(all.map(({ turn_id }) => turn_id));
  });

  it("answer the walkthrough's own line", async () => {
    expect(await ask("nexo/admin/agents/list", {})).toHaveProperty("agents");
    expect(await ask("nexo/admin/tenants/list", {})).toMatchObject({ code: -32004 });
    const tail = [
      "microapp",
      "admin",
      "audit",
      "tail",
      "--microapp-id",
      "agent-creator",
      "--since-mins",
      "60",
      "--format",
      "json",
    ];
    const { stdout } = await place.nexo(...tail);
    const calls = JSON.parse(stdout) as AuditView[];
    expect(calls.map(({ method, result }) => `${method} ${result}`)).toEqual([
      "nexo/admin/tenants/list denied",
      "nexo/admin/agents/list ok",
    ]);
    expect(calls[1]?.args_hash).toMatch(/^[0-9a-f]{64}$/);
    const table = (await nexo(...tail.slice(0, -2))).stdout.split("\n");
    expect(table[0]).toMatch(/^started_at +microapp +method +result +dur_ms +args_hash$/);
    for (
      const [option, value, count] of [["--result", "denied", 1], ["--method", "nope", 0]] as const
    ) {
      expect(await json<AuditView[]>(...tail.slice(0, 6), option, value)).toHaveLength(count);
    }
    expect((await nexo(...tail.slice(0, 4), "--format", "xml")).code).toBe(2);
  });

  it.skipIf(JQ === undefined)("answer it as it stands there, jq and all", async () => {
    // Letter by letter from the walkthrough.
    const line = String.raw`nexo microapp admin audit tail \
    --microapp-id agent-creator \
    --since-mins 60 \
    --format json | jq '.[] | select(.method | startswith("nexo/admin/agents/"))'`;
    const bin = join(place.home, "bin");
    await mkdir(bin, { recursive: true });
    await writeFile(
      join(bin, "nexo"),
      `#!/bin/sh\nexec "${process.execPath}" "${join(ROOT, "dist/core/main.js")}" "$@"\n`,
      {
        mode: 0o755,
      },
    );
    const path = [bin, dirname(JQ ?? ""), process.env["PATH"]];
    const { stdout, stderr } = await promisify(execFile)("sh", ["-c", line], {
      env: { ...place.env, PATH: path.join(delimiter) },
    });
    expect(stderr).toBe("");
    expect(JSON.parse(stdout)).toMatchObject({
      microapp_id: "agent-creator",
      method: "nexo/admin/agents/list",
      result: "ok",
    });
  });

  it("T6: put the tenant of the grant on record, never the one a caller claims", async () => {
    await ask("nexo/admin/agent_events/list", { agent_id: "ana", tenant_id: "globex" });
    const [call] = await json<AuditView[]>(
      "microapp",
      "admin",
      "audit",
      "tail",
      "--method",
      "nexo/admin/agent_events/list",
    );
    expect(call).toMatchObject({ microapp_id: "agent-creator", tenant_id: "acme", result: "ok" });
    expect(await json("microapp", "admin", "audit", "tail", "--tenant", "globex")).toEqual([]);
  });

  it("verify, and take along a bundle that verifies elsewhere and shows any change", async () => {
    const chains = await json<{ account: string; table: string; ok: boolean }[]>("audit", "verify");
    expect(chains.map(({ account, table, ok }) => `${table} ${account} ${ok}`)).toEqual([
      "turns acme true",
      "turns globex true",
      "admin_audit _ true",
      "admin_audit acme true",
    ]);
    const file = join(place.home, "bundle.jsonl");
    const { stdout } = await nexo("audit", "export", "--out", file);
    const [, key = ""] = /signed with key ([0-9a-f]{16})/.exec(stdout) ?? [];
    const verify = (path: string, id = key) =>
      promisify(execFile)(process.execPath, [
        join(ROOT, "docs/audit_verify.mjs"),
        path,
        "--key",
        id,
      ])
        .then(({ stdout: said }) => said, ({ stderr }: { stderr: string }) => `broken: ${stderr}`);
    expect(await verify(file)).toMatch(/^\d+ rows of 4 chains hold\n$/);
    expect(await verify(file, "0123456789abcdef")).toMatch(
      /^broken: bundle: it is signed with key/,
    );

    const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
    const firstRow = lines.findIndex((line) => line.includes('"type":"row"'));
    const wounds: Record<string, (all: string[]) => void> = {
      "a changed number": (all) => {
        all[firstRow] = all[firstRow]?.replace(/"tokens_in":\d+/, '"tokens_in":1') ?? "";
      },
      "a row taken out": (all) => void all.splice(firstRow, 1),
      "rows that changed places": (all) => {
        all.splice(firstRow, 2, all[firstRow + 1] ?? "", all[firstRow] ?? "");
      },
      "a chain taken out": (all) =>
        void all.splice(all.findLastIndex((l) => l.includes('"chain"'))),
      "another head": (all) => {
        all[1] = all[1]?.replace(/"atMs":\d+/, '"atMs":1') ?? "";
      },
    };
    for (const [name, wound] of Object.entries(wounds)) {
      const all = [...lines];
      wound(all);
      const path = join(place.home, "wounded.jsonl");
      await writeFile(path, `${all.join("\n")}\n`);
      expect(await verify(path), name).toMatch(/^broken: /);
    }
  });
});

describe("what was said", () => {
  it("F4: is listed and searched by grant, page by page, and checked", async () => {
    const list = await ask("nexo/admin/agent_events/list", {
      agent_id: "ana",
      kind: "transcript_appended",
      limit: 2,
    }) as { events: SeenEvent[]; next_cursor: string };
    expect(list.events).toHaveLength(2);
    const next = await ask("nexo/admin/agent_events/list", {
      agent_id: "ana",
      kind: "transcript_appended",
      limit: 2,
      cursor: list.next_cursor,
    }) as { events: SeenEvent[] };
    expect(next.events).toHaveLength(2);
    expect(next.events).not.toEqual(list.events);
    const search = (query: string) =>
      ask("nexo/admin/agent_events/search", { agent_id: "ana", query }) as Promise<
        { hits: { snippet: string }[] }
      >;
    expect((await search('"goodbye for"')).hits[0]?.snippet).toContain("[goodbye for] now");
    expect((await search("business")).hits.filter(({ snippet }) => !snippet.includes("ask")))
      .toEqual([]);
    const reports = await json<{ account: string; ok: boolean }[]>("transcripts", "check");
    expect(reports.map(({ account, ok }) => `${account} ${ok}`)).toEqual([
      "acme true",
      "globex true",
    ]);
  });

  it("F6: is gone for good when a contact is erased, and the chain still verifies", async () => {
    await say("acme", "my secret wish is a zeppelin", "erika");
    const zeppelin = async (): Promise<string[]> => {
      const state = join(place.home, "state");
      const files = await readdir(state);
      const found = await Promise.all(
        files.map(async (name) =>
          (await readFile(join(state, name))).includes("zeppelin") ? name : []
        ),
      );
      const texts = await filesIn(join(place.configDir, "../transcripts"));
      return [...found.flat(), ...texts.filter((text) => text.includes("zeppelin"))];
    };
    expect(await zeppelin()).not.toEqual([]);
    const { erased } = await json<{ erased: Record<string, number> }>(
      "tenants",
      "erase",
      "--account",
      "acme",
      "--contact",
      "erika",
    );
    expect(erased).toMatchObject({ transcripts: 2, turns: 1 });
    expect(await zeppelin()).toEqual([]);
    expect((await nexo("transcripts", "export", "--account", "acme")).stdout).not.toContain(
      "zeppelin",
    );
    const chains = await json<{ ok: boolean }[]>("audit", "verify", "--account", "acme");
    expect(chains.every(({ ok }) => ok)).toBe(true);
    const [event] = await eventsOf("acme", "data_erased");
    expect(event).toMatchObject({ what: "contact", tenant_id: "acme" });
    expect(JSON.stringify(event)).not.toContain("erika");
  });

  it("goes from microapps, too, and erasing is not done before they say so", async () => {
    const people = join(place.home, "extensions/keeper/state/people.txt");
    const erase = () => nexo("tenants", "erase", "--account", "acme", "--contact", "maria");
    await mkdir(people);
    const failed = await erase();
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("[erase_incomplete]");
    expect(failed.stderr).toContain('"keeper"');
    await rm(people, { recursive: true });
    await writeFile(people, "acme/maria\nglobex/maria\n");
    const done = await erase();
    expect(done).toMatchObject({ code: 0, stderr: "" });
    expect(JSON.parse(done.stdout)).toMatchObject({
      microapps: [{ microapp_id: "keeper", erased: 1, error: null }],
    });
    expect(await readFile(people, "utf8")).toBe("globex/maria");
  });
});

describe("audit retention", () => {
  it("U2: is enforced when core starts, by a statement that verifying accepts", async () => {
    for (let i = 0; i < 30; i++) await daemon.call("reload");
    await daemon.stop();
    daemon = await place.start();
    await eventually(
      daemon,
      () => Promise.resolve(place.output().includes("record.trimmed") ? true : undefined),
    );
    const calls = await json<AuditView[]>("microapp", "admin", "audit", "tail", "--limit", "1000");
    // Those of this start and of the questions here are newer than the sweep.
    expect(calls.length).toBeLessThan(40);
    expect((await nexo("audit", "verify")).code).toBe(0);
  });
});
