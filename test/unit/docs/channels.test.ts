/**
 * docs/channels.md: its example is a channel that passes the suite, its settings load, its commands exist.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { describe, expect, it } from "vitest";
import { CHANNEL_KINDS } from "../../../core/channels/registry.ts";
import { channelSuite, type ChannelTrial, type Refusal } from "../../suites/channel.ts";
import { channelDeps } from "../../support/channels/deps.ts";
import { openHttpPeer, type PeerAnswer } from "../../support/channels/http_peer.ts";
import { line } from "../../support/channels/line.ts";
import { settingsOf } from "../../support/settings.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");
const page = read("docs/channels.md");
const blocks = (language: string): string[] =>
  Array.from(
    page.matchAll(new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``, "g")),
    ([, text]) => text ?? "",
  );

describe("docs/channels.md", () => {
  it("says of every channel what it needs", () => {
    for (const { id } of CHANNEL_KINDS) expect(page).toMatch(new RegExp(`^## .*\`${id}\``, "m"));
  });

  it("shows settings that load", async () => {
    const shown = blocks("yaml").map((text) => {
      const [, file = "", body = ""] = /^# (\S+\.yaml)\n([^]*)$/.exec(text) ?? [];
      return [file, body] as const;
    });
    expect(shown.length).toBeGreaterThan(5);
    const agents =
      "agents:\n  - { id: ana, tenant_id: acme, model: { provider: offline, model: rules } }\n";
    for (const [file, body] of shown) {
      await settingsOf({ "agents.yaml": agents, [file]: body });
    }
  });

  it("shows the example as it is tried here", () => {
    const example = read("test/support/channels/line.ts")
      .replaceAll("../../../core/channels/", "../").replaceAll("../../../core/", "../../");
    expect(blocks("ts")).toEqual([example]);
  });

  it("changes lines that are there", () => {
    const changes = blocks("diff");
    expect(changes.length).toBeGreaterThan(2);
    for (const change of changes) {
      const [first = "", ...lines] = change.trimEnd().split("\n");
      const file = read(first.replace("--- ", ""));
      for (const context of lines.filter((text) => text.startsWith(" "))) {
        expect(file.split("\n"), first).toContain(context.slice(1));
      }
    }
  });
});

const REFUSALS: Record<Refusal, PeerAnswer> = {
  busy: { status: 500, body: { message: "Internal error" } },
  limited: { status: 429, headers: { "retry-after": "3" }, body: { message: "rate limit" } },
  auth: { status: 401, body: { message: "Authentication failed" } },
  permanent: {
    status: 400,
    body: { message: "The property, 'to', in the request body is invalid" },
  },
  silent: null,
};

const said = (more: Record<string, unknown> = {}, source: Record<string, unknown> = {}) => ({
  destination: "U0",
  events: [{
    type: "message",
    mode: "active",
    timestamp: 1_700_000_000_000,
    webhookEventId: "01",
    source: { type: "user", userId: "7", ...source },
    message: { id: "m1", type: "text", text: "hello", ...more },
  }],
});

channelSuite("line", async (): Promise<ChannelTrial> => {
  let refusal: Refusal | undefined;
  const peer = await openHttpPeer(({ headers }) => {
    if (refusal !== undefined) return REFUSALS[refusal];
    return headers.authorization === "Bearer token" ? { body: {} } : REFUSALS.auth;
  });
  const deps = await channelDeps("webchat", "webchat: {}", {
    credentialOf: (_channel, instance) =>
      instance === "acme"
        ? { channel_access_token: "token", channel_secret: "secret", api_root: peer.url }
        : undefined,
  });
  return {
    channel: line.open(deps),
    instance: "acme",
    contact: "7",
    address: "7",
    quotes: false,
    events: {
      text: said(),
      reply: said({ quotedMessageId: "m0" }),
      group: said({}, { type: "group", groupId: "C1" }),
      several: { events: [...said().events, ...said({ id: "m2" }).events] },
    },
    arrived: () =>
      peer.requests.map(({ body }) => {
        const { to, messages: [message] } = JSON.parse(body) as {
          to: string;
          messages: { text: string }[];
        };
        return { to, thread: null, text: message?.text ?? "", quotes: null };
      }),
    refuse: (how) => void (refusal = how),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
});
