/**
 * Secrets that people send are on no disk and in no log, however they came in.
 *
 * What a microapp keeps in its own state directory is its own affair, so the one used here keeps nothing.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { runNexo } from "../support/cli.ts";
import { grep } from "../support/grep.ts";
import { openProvider } from "../support/provider.ts";
import { eventually } from "../support/watch.ts";

const WEBHOOK_SECRET = "a secret for webhooks";

/** A Visa test number, whose check digit fits; a phone number; a made-up key and token of the usual shapes. */
const SECRETS = {
  card: "4539578763621486",
  spaced: "4539 5787 6362 1486",
  phone: "+57 300 111 2233",
  email: "planted.person@example.org",
  key: "sk-proj-Zk3vQ9wLr7TbXy2NcMd8Hg5Jf1PsAe4Ru6Vi0Oq",
  jwt: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJwbGFudGVkLXBlcnNvbiJ9.dGhpcy1pcy1hLXNpZ25hdHVyZS1wbGFudGVk",
};
const PLANTED =
  `card ${SECRETS.card} or ${SECRETS.spaced} call ${SECRETS.phone} or ${SECRETS.email} ` +
  `key ${SECRETS.key} token ${SECRETS.jwt}`;

/** Each secret, and its last part in case only the beginning was recognised. */
const NEEDLES = Object.values(SECRETS).flatMap((secret) => [secret, secret.slice(-9)]);

/** Words that nobody needs to hide; where they are found, a secret beside them would be, too. */
const HARMLESS = {
  webhook: "marmalade",
  chat: "rhubarb",
  tool: "gooseberry",
  refused: "elderflower",
  error: "cloudberry",
  operator: "mulberry",
  reason: "whortleberry",
};

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
    event_subscribers:
      - id: github
        subject_pattern: webhook.github.push
        inbound_template: "{{body_json.text}}"
      - id: misled
        subject_pattern: webhook.loose.*
        account_id: "{{body_json.text}}"
        trust_payload_tenant: true
`;

const WEBHOOKS = `
enabled: true
sources:
  - { id: github, preset: github, path: /webhooks/github, secret_env: GITHUB_WEBHOOK_SECRET, account_id: acme }
  - { id: loose, preset: github, path: /webhooks/loose, secret_env: GITHUB_WEBHOOK_SECRET }
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
  await place.writeConfig("webhook_receiver.yaml", WEBHOOKS);
  await place.writeConfig("plugin.toml", PLUGIN);
  await place.writeConfig(
    "extensions.yaml",
    "extensions: { entries: { whispering: { path: . } } }\n",
  );
  return place;
}

describe("a secret in a webhook, a chat, a tool's arguments, an error or an operator's words", () => {
  it("reaches whom it is for and is found in no file, log, metric, event or export", async () => {
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

    // One that names a tenant which is none: the error says so, in words of the sender.
    const misled = JSON.stringify({ text: `${HARMLESS.error} ${PLANTED}` });
    const misledMac = createHmac("sha256", WEBHOOK_SECRET).update(misled).digest("hex");
    expect(
      await provider.post(`${daemon.edgeUrl}/webhooks/loose`, {
        body: misled,
        headers: {
          "x-github-event": "push",
          "x-github-delivery": "d-2",
          "x-hub-signature-256": `sha256=${misledMac}`,
        },
      }),
    ).toBe(204);

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

    // A person takes over, says why, and answers.
    const scope = {
      kind: "conversation",
      agent_id: "ana",
      channel: "webchat",
      account_id: "acme",
      contact_id: "cli",
    };
    const reason = `${HARMLESS.reason} ${PLANTED}`;
    await daemon.call("nexo/admin/processing/pause", { scope, reason });
    await daemon.call("nexo/admin/processing/intervention", {
      scope,
      action: {
        kind: "reply",
        channel: "webchat",
        account_id: "acme",
        to: "cli",
        body: `${HARMLESS.operator} ${PLANTED}`,
        msg_kind: "text",
      },
    });
    await daemon.call("nexo/admin/processing/resume", { scope });

    expect(await grep(place, NEEDLES)).toEqual([]);
    // What goes out of here for people and machines to keep.
    const nexo = (...args: string[]) => runNexo(place.env, ...args);
    const { token } = await daemon.call<{ token: string }>("token/create", { scope: ["operator"] });
    const authorization = { headers: { authorization: `Bearer ${token}` } };
    const told = {
      transcripts: (await nexo("transcripts", "export", "--account", "acme")).stdout,
      audit: (await nexo("audit", "export")).stdout,
      events: (await nexo("events", "list", "--limit", "1000", "--json")).stdout,
      turns: (await nexo("turns", "tail", "--json")).stdout,
      dead: (await nexo("dlq", "list", "--json")).stdout,
      microapps: (await nexo("ext", "status", "--json")).stdout,
      metrics: await (await fetch(`${daemon.edgeUrl}/metrics`, authorization)).text(),
    };
    for (const [what, text] of Object.entries(told)) {
      expect(text.length, what).toBeGreaterThan(2);
      expect(NEEDLES.filter((needle) => text.includes(needle)), what).toEqual([]);
    }

    expect(told.dead).toContain(HARMLESS.error);
    expect(told.transcripts).toContain(HARMLESS.operator);
    expect(told.metrics).toContain("nexo_turns_total");

    expect(await daemon.stop()).toBe(0);
    expect(await grep(place, NEEDLES)).toEqual([]);
    for (const word of Object.values(HARMLESS)) {
      expect((await grep(place, [word])).join(), word).toContain("core.db");
    }
    expect(place.output()).toContain(HARMLESS.tool);
  });
});
