/**
 * Bad input gets a clear error with its place and the fix, and changes nothing.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { join, resolve } from "node:path";
import { text } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { openProvider } from "../support/provider.ts";
import { eventually, tailTurns } from "../support/watch.ts";

const SECRET = "a secret for webhooks";
const MAIN = resolve(import.meta.dirname, "../../dist/core/main.js");

/** Config files with one mistake each: where it is, what is said of it, and what to do. */
const MISTAKES = [
  {
    file: "tenants.yaml",
    text: "tenants:\n  acme: {\n  globex: }\n",
    says: /tenants\.yaml:\d+:\d+ error +.+\n +fix: .+/,
  },
  {
    file: "agents.yaml",
    text: "agents:\n  - id: ana\n    modle: { provider: offline, model: rules }\n",
    says: /agents\.yaml:3:5 error +.*"modle".*\n +fix: .*model/,
  },
  {
    file: "llm.yaml",
    text: "providers:\n  anthropic:\n    api_key: ${NOBODY_SET_THIS}\n",
    says: /llm\.yaml:3:14 error +.*NOBODY_SET_THIS.*\n +fix: .*NOBODY_SET_THIS/,
  },
  {
    file: "webhook_receiver.yaml",
    text: [
      "enabled: true",
      "sources:",
      "  - { id: github, path: /webhooks/a, preset: github, secret_env: GITHUB_WEBHOOK_SECRET }",
      "  - { id: github, path: /webhooks/b, preset: github, secret_env: GITHUB_WEBHOOK_SECRET }",
      "",
    ].join("\n"),
    says: /webhook_receiver\.yaml:4:\d+ error +.*"github" is taken.*\n +fix: .+/,
  },
] as const;

function openPlace(env: Readonly<Record<string, string>> = {}): Promise<DaemonPlace> {
  return openDaemonPlace({ env: { GITHUB_WEBHOOK_SECRET: SECRET, ...env } });
}

/** What is in a home, by path: to see that nothing of it changed. */
async function contentsOf(home: string): Promise<Record<string, string>> {
  const entries = await readdir(home, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map(({ parentPath, name }) =>
    join(parentPath, name)
  );
  const digests = files.sort().map(async (path) => [
    path,
    createHash("sha256").update(await readFile(path)).digest("hex"),
  ]);
  return Object.fromEntries(await Promise.all(digests)) as Record<string, string>;
}

const chat = ({ call }: RunningDaemon, instance: string, text: string) =>
  call<{ reply: string | null }>("chat", { instance, text });

function signed(body: string, deliveryId: string): Record<string, string> {
  return {
    "x-github-event": "push",
    "x-github-delivery": deliveryId,
    "x-hub-signature-256": `sha256=${createHmac("sha256", SECRET).update(body).digest("hex")}`,
  };
}

describe("wrong config files", () => {
  it("are each named with line, column and fix, by a check and by a start, which changes nothing", async () => {
    await using place = await openPlace();
    const daemon = await place.start();
    await chat(daemon, "acme", "before");
    expect(await daemon.stop()).toBe(0);
    const before = await contentsOf(place.home);

    for (const { file, text } of MISTAKES) await place.writeConfig(file, text);
    const checked = await place.nexo("check");
    const started = await place.nexo("dev");
    expect(checked).toMatchObject({ code: 1, stderr: "" });
    expect(started.code).toBe(1);
    for (const { says } of MISTAKES) {
      expect(checked.stdout).toMatch(says);
      expect(started.stderr).toMatch(says);
    }
    expect(started.stderr).toMatch(/\[config_invalid\]\n$/);
    expect(await contentsOf(place.home)).toEqual(before);
  });

  it("change nothing at a reload, and the daemon goes on with those it had", async () => {
    await using place = await openPlace();
    const daemon = await place.start();
    const good = await readFile(join(place.configDir, "agents.yaml"), "utf8");
    const version = async () =>
      (await daemon.call<{ config_version: number }>("status")).config_version;
    const first = await version();

    await place.writeConfig("agents.yaml", MISTAKES[1].text);
    const refused = await place.nexo("reload");
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/agents\.yaml:3:5 .*"modle"/);
    expect(await version()).toBe(first);
    expect((await chat(daemon, "acme", "still there?")).reply).toContain("still there?");

    await place.writeConfig(
      "agents.yaml",
      good.replace("instance: globex", "instance: globex-two"),
    );
    // Whoever is first, this reload or the watching of files: afterwards the new file is in force.
    expect((await place.nexo("reload")).code).toBe(0);
    expect(await version()).toBeGreaterThan(first);
    await expect(chat(daemon, "globex", "gone?")).rejects.toThrow("no active agent answers there");
  });
});

describe("commands that cannot be done", () => {
  it("say why and what would help, in words and with their exit code", async () => {
    await using place = await openPlace();
    await place.writeConfig(
      "pollers.yaml",
      "pollers: { jobs: [{ id: past, kind: agent_turn, agent: ana, tenant_id: acme, schedule: { at: 2020-01-31T09:00:00Z }, config: { user_prompt: Hi } }] }\n",
    );
    await place.start();
    for (
      const [args, says] of [
        ["token create --scope tenant", 'scope "tenant" needs the account of a tenant'],
        ["token create --scope tenant --account nobody", 'tenant "nobody": there is none'],
        ["tenants delete nobody", 'Cannot delete tenant "nobody": `nexo tenants list` shows all'],
        ["tenants delete acme", 'tenant "acme": it has the agents ana; --purge'],
        ["schedules pause past", 'Cannot pause schedule "past": it is done'],
      ] as const
    ) {
      const { code, stderr } = await place.nexo(...args.split(" "));
      expect({ args, code }).toEqual({ args, code: 1 });
      expect(stderr).toContain(says);
    }
  });

  it("end without a word when nobody reads on, as before `head`", async () => {
    await using place = await openPlace();
    await place.start();
    const tail = spawn(process.execPath, [MAIN, "events", "tail"], {
      env: { ...process.env, NEXO_HOME: place.home },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const errors = text(tail.stderr);
    const ended = once(tail, "exit");
    tail.stdout.destroy();
    await place.nexo("chat", "acme", "hello");
    expect(await ended).toEqual([0, null]);
    expect(await errors).toBe("");
  });
});

describe("a port that is taken", () => {
  it("stops the start with an error that names it", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    await using place = await openPlace({ NEXO_PORT: String(port) });
    const started = await place.nexo("dev");
    other.close();
    expect(started.code).toBe(1);
    expect(started.stderr).toMatch(
      new RegExp(`^nexo: Cannot listen on "127\\.0\\.0\\.1:${port}": .*\\[port_in_use\\]$`, "m"),
    );
  });
});

describe("POST /rpc", () => {
  it("answers 401 to whoever has no operator's token, at the edge and at the core", async () => {
    await using place = await openPlace();
    const daemon = await place.start();
    const key = (await readFile(join(place.home, "keys", "operator.key"), "utf8")).trim();
    const { token: tenants } = await daemon.call<{ token: string }>("token/create", {
      scope: ["tenant"],
      account: "acme",
    });
    const { token: operators } = await daemon.call<{ token: string }>("token/create", {
      scope: ["operator"],
    });
    const { admin_url } = JSON.parse(
      await readFile(join(place.home, "run", "daemon.json"), "utf8"),
    ) as { admin_url: string };

    const statusOf = async (base: string, authorization: string | undefined): Promise<number> => {
      const response = await fetch(`${base}/rpc`, {
        method: "POST",
        headers: authorization === undefined ? {} : { authorization },
        body: JSON.stringify({ jsonrpc: "2.0", id: 1, method: "nexo/operator/status", params: {} }),
      });
      await response.arrayBuffer();
      return response.status;
    };
    const forged = `${operators.slice(0, -4)}${operators.endsWith("AAAA") ? "BBBB" : "AAAA"}`;
    for (const base of [daemon.edgeUrl, admin_url]) {
      const wrong = [
        undefined,
        "",
        "Bearer ",
        `Bearer ${key.slice(1)}`,
        `Bearer ${key}x`,
        `Basic ${key}`,
        `Bearer ${tenants}`,
        `Bearer ${forged}`,
      ];
      for (const authorization of wrong) {
        expect(await statusOf(base, authorization), authorization).toBe(401);
      }
      for (const right of [key, operators]) {
        expect(await statusOf(base, `Bearer ${right}`)).toBe(200);
      }
    }
  });
});

describe("webhooks that are not right", () => {
  it("are refused, or kept as they are when only their body is strange; the daemon goes on", async () => {
    await using place = await openPlace();
    await place.writeConfig("extensions.yaml", "extensions: {}\n");
    const daemon = await place.start();
    using provider = openProvider();
    const url = `${daemon.edgeUrl}/webhooks/github`;
    const body = JSON.stringify({ repository: { full_name: "octo/hello" } });
    const big = JSON.stringify({ filler: "x".repeat(1_100_000) });
    const { "x-github-event": _event, ...noKind } = signed(body, "no-kind");
    const post = (sent: string, headers: Record<string, string>) =>
      provider.post(url, { body: sent, headers });

    expect(await post(body, { "x-github-event": "push" }), "unsigned").toBe(401);
    expect(await post(body.slice(0, -5), signed(body, "cut")), "truncated").toBe(401);
    expect(await post(big, signed(big, "big")), "oversized").toBe(413);
    expect(await post(body, noKind), "without a kind").toBe(422);
    await breakOff(daemon.edgeUrl, body);

    expect(await post("<xml/>", signed("<xml/>", "xml")), "not JSON").toBe(204);
    expect(await post("", signed("", "empty")), "empty").toBe(204);
    expect(await post(body, signed(body, "good")), "good").toBe(204);
    const turns = await eventually(daemon, async () => {
      const found = await tailTurns(daemon);
      return found.length === 3 ? found : undefined;
    });
    expect(turns.map(({ delivery_id, outcome }) => `${delivery_id} ${outcome}`).sort()).toEqual([
      "empty ok",
      "good ok",
      "xml ok",
    ]);
    const { deliveries } = await daemon.call<
      { deliveries: { envelope_id: string; delivery_id: string }[] }
    >("inbox/list");
    const xml = deliveries.find(({ delivery_id }) => delivery_id === "xml");
    expect(await daemon.call("inbox/show", { envelope_id: xml?.envelope_id })).toMatchObject({
      envelope: { body_json: { raw_base64: Buffer.from("<xml/>").toString("base64") } },
    });
  });
});

/** Announces a whole body, sends half of it, and hangs up. */
async function breakOff(edgeUrl: string, body: string): Promise<void> {
  const { hostname, port } = new URL(edgeUrl);
  const socket = connect({ host: hostname, port: Number(port) });
  await once(socket, "connect");
  const lines = Object.entries(signed(body, "broken-off")).map(([name, value]) =>
    `${name}: ${value}\r\n`
  );
  socket.end(
    `POST /webhooks/github HTTP/1.1\r\nhost: ${hostname}\r\ncontent-length: ${body.length}\r\n` +
      `${lines.join("")}\r\n${body.slice(0, 10)}`,
  );
  socket.resume();
  await once(socket, "close");
}

describe("microapps that misbehave", () => {
  const CHILDREN = ["prints_garbage", "exits_at_once", "never_answers", "answers_twice", "good"];

  async function writeChildren(place: DaemonPlace): Promise<void> {
    const entries = await Promise.all(CHILDREN.map(async (child) => {
      const id = child.replaceAll("_", "-");
      const args = [join(import.meta.dirname, "../support/microapps", `${child}.mjs`)];
      if (child === "never_answers") args.push("shakes-hands");
      const plugin = `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
        `command = ${JSON.stringify(process.execPath)}\nargs = ${JSON.stringify(args)}\n`;
      await place.writeConfig(`microapps/${id}/plugin.toml`, plugin);
      const limit = child === "never_answers" ? ", timeout_secs: 2" : "";
      return `    ${id}: { path: microapps/${id}${limit} }\n`;
    }));
    const text = `extensions:\n  search_paths: []\n  entries:\n${entries.join("")}`;
    await place.writeConfig("extensions.yaml", text);
  }

  it("hurt only those who call them: others, and other tenants, get their answers", async () => {
    await using place = await openPlace();
    await writeChildren(place);
    const daemon = await place.start();
    const states = async () => {
      const { microapps } = await daemon.call<{ microapps: { id: string; state: string }[] }>(
        "ext/status",
      );
      return new Map(microapps.map(({ id, state }) => [id, state]));
    };
    await eventually(daemon, async () => {
      const now = await states();
      const healthy = CHILDREN.map((child) => now.get(child.replaceAll("_", "-")));
      return healthy.filter((state) => state === "ready").length === 4 ? true : undefined;
    });

    // Two tenants at once: one asks the child that hangs, the other all of them in turn.
    const hung = chat(daemon, "acme", "ext_never-answers_echo now");
    for (const id of ["prints-garbage", "answers-twice", "good"]) {
      const { reply } = await chat(daemon, "globex", `ext_${id}_echo {"say": "hello ${id}"}`);
      expect(reply, id).toContain(`hello ${id}`);
      expect(reply, id).not.toContain("second answer");
    }
    expect((await chat(daemon, "globex", "ext_exits-at-once_echo now")).reply).toContain(
      "You said",
    );
    expect((await hung).reply).toContain("microapp_timeout");
    expect((await states()).get("good")).toBe("ready");
    const { dead_letters } = await daemon.call<{ dead_letters: unknown[] }>("dlq/list");
    expect(dead_letters).toEqual([]);
    expect(await daemon.stop()).toBe(0);
  });
});
