/**
 * Secrets that people send are on no disk and in no log, however they came in.
 *
 * What a microapp keeps in its own state directory is its own affair, so the one used here keeps nothing.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { openProvider } from "../support/provider.ts";
import { eventually } from "../support/watch.ts";

const WEBHOOK_SECRET = "a secret for webhooks";

/** A Visa test number, whose check digit fits; a made-up key and token of the usual shapes. */
const SECRETS = {
  card: "4539578763621486",
  spaced: "4539 5787 6362 1486",
  key: "sk-proj-Zk3vQ9wLr7TbXy2NcMd8Hg5Jf1PsAe4Ru6Vi0Oq",
  jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkLXBlcnNvbiJ9.dGhpcy1pcy1hLXNpZ25hdHVyZS1wbGFudGVk",
};
const PLANTED = `card ${SECRETS.card} or ${SECRETS.spaced} key ${SECRETS.key} token ${SECRETS.jwt}`;

/** Each secret, and its last part in case only the beginning was recognised. */
const NEEDLES = Object.values(SECRETS).flatMap((secret) => [secret, secret.slice(-9)]);

/** Words that nobody needs to hide; where they are found, a secret beside them would be, too. */
const HARMLESS = {
  webhook: "marmalade",
  chat: "rhubarb",
  tool: "gooseberry",
  refused: "elderflower",
};

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
    event_subscribers:
      - id: github
        subject_pattern: webhook.github.*
        inbound_template: "{{body_json.text}}"
`;

const PLUGIN = `
[plugin]
id = "whispering"
version = "1.0.0"
[plugin.entrypoint]
command = ${JSON.stringify(process.execPath)}
args = [${JSON.stringify(join(import.meta.dirname, "../support/microapps/whispers.mjs"))}]
`;

async function openPlace(): Promise<DaemonPlace> {
  const env = { GITHUB_WEBHOOK_SECRET: WEBHOOK_SECRET, NEXO_LOG: "debug" };
  const place = await openDaemonPlace({ env });
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig("plugin.toml", PLUGIN);
  await place.writeConfig(
    "extensions.yaml",
    "extensions: { entries: { whispering: { path: . } } }\n",
  );
  return place;
}

/** Every file under `dir` as bytes, the database's log and index included. */
async function filesOf(dir: string): Promise<{ path: string; bytes: Buffer }[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      return { path, bytes: await readFile(path) };
    }),
  );
}

/** Which needles are found where. */
async function grep(place: DaemonPlace, needles: readonly string[]): Promise<string[]> {
  const places = [
    ...await filesOf(place.home),
    { path: "the daemon's output", bytes: Buffer.from(place.output()) },
  ];
  return places.flatMap(({ path, bytes }) =>
    needles.filter((needle) => bytes.includes(needle)).map((needle) => `${needle} in ${path}`)
  );
}

describe("a secret in a webhook, a chat or a tool's arguments", () => {
  it("reaches the agent and is found by no grep of the home and the log", async () => {
    await using place = await openPlace();
    const daemon = await place.start();
    using provider = openProvider();

    const body = JSON.stringify({ text: `${HARMLESS.webhook} ${PLANTED}`, beside: PLANTED });
    const mac = createHmac("sha256", WEBHOOK_SECRET).update(body).digest("hex");
    const headers = { "x-github-event": "push", "x-github-delivery": "d-1" };
    const url = `${daemon.edgeUrl}/webhooks/github`;
    const signed = { ...headers, "x-hub-signature-256": `sha256=${mac}` };
    expect(await provider.post(url, { body, headers: signed })).toBe(204);
    const wrong = { ...headers, "x-hub-signature-256": `sha256=${PLANTED}` };
    expect(await provider.post(url, { body, headers: wrong })).toBe(401);

    const say = (text: string) =>
      daemon.call<{ reply: string }>("chat", { instance: "acme", text });
    const echoed = await say(`${HARMLESS.chat} ${PLANTED}`);
    expect(echoed.reply).toContain(SECRETS.card);
    // Arguments and result of a call that works, and of one the tool refuses.
    await say(`echo ${JSON.stringify({ note: `${HARMLESS.tool} ${PLANTED}` })}`);
    await say(`bad ${JSON.stringify({ note: `${HARMLESS.refused} ${PLANTED}` })}`);
    // One more, for which the model is given all of the above as its history.
    await say("and again");
    await eventually(daemon, async () => {
      const { turns } = await daemon.call<{ turns: unknown[] }>("turns/tail");
      return turns.length === 5 ? true : undefined;
    });

    expect(await grep(place, NEEDLES)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(await grep(place, NEEDLES)).toEqual([]);
    for (const word of Object.values(HARMLESS)) {
      expect((await grep(place, [word])).join(), word).toContain("core.db");
    }
    expect(place.output()).toContain(HARMLESS.tool);
  });
});
