import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import { apiRootOf, CHANNEL_CREDENTIALS } from "../../../../core/channels/credentials/mod.ts";
import { settingsOf } from "../../../support/settings.ts";

const TOKEN = "planted-token-of-acme-for-tests";

/** A provider that answers whoever has the token, and says to others what it is given to say. */
async function openProvider(known: unknown, unknown: { status: number; answer: unknown }) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    const isKnown = request.headers.authorization === `Bearer ${TOKEN}`;
    response.writeHead(isKnown ? 200 : unknown.status, { "content-type": "application/json" })
      .end(JSON.stringify(isKnown ? known : unknown.answer));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return { asked, root: `http://127.0.0.1:${port}/api/`, [Symbol.dispose]: () => server.close() };
}

const PROVIDERS = [
  {
    channel: "slack",
    payloadWith: (token: string) => ({ bot_token: token, signing_secret: "s" }),
    known: { ok: true, user: "bot", team: "Acme" },
    unknown: { status: 200, answer: { ok: false, error: "invalid_auth" } },
    asks: "POST /api/auth.test",
    name: "bot in Acme",
  },
  {
    channel: "whatsapp",
    payloadWith: (token: string) => ({ phone_number_id: "1055", access_token: token }),
    known: { id: "1055", display_phone_number: "+1 555 0100" },
    unknown: { status: 401, answer: { error: { code: 190 } } },
    asks: "GET /api/1055?fields=display_phone_number",
    name: "+1 555 0100",
  },
];

describe.each(PROVIDERS)("a probe of $channel", (provider) => {
  const credential = CHANNEL_CREDENTIALS.get(provider.channel)!;
  const probe = (payload: unknown, apiRoot: string) =>
    credential.probe({ payload, metadata: {} }, { fetch, apiRoot, timeoutMs: 5_000 });

  it("says whose the credential is, and that the provider does not know another", async () => {
    using server = await openProvider(provider.known, provider.unknown);
    expect(await probe(provider.payloadWith(TOKEN), server.root)).toEqual({
      probed: true,
      healthy: true,
      detail: `authenticated as ${provider.name}`,
      reason_code: "ok",
    });
    expect(server.asked).toEqual([provider.asks]);
    const other = await probe(provider.payloadWith("another"), server.root);
    expect(other).toMatchObject({ probed: true, healthy: false, reason_code: "auth_failed" });
  });

  it("says that the provider cannot be reached, without the secret, and asks nothing without one", async () => {
    const away = await probe(provider.payloadWith(TOKEN), "http://127.0.0.1:9/");
    expect(away).toMatchObject({ healthy: false, reason_code: "connectivity_failed" });
    expect(JSON.stringify(away)).not.toContain(TOKEN);
    expect(await probe({}, "http://127.0.0.1:9/")).toMatchObject({ probed: false });
  });
});

it("each line's provider is asked where its file says", async () => {
  const { plugins } = await settingsOf({
    "agents.yaml": "agents: [{ id: ana, model: { provider: offline, model: rules } }]",
    "plugins/slack.yaml":
      "slack: { instance: acme, bot_token: t, signing_secret: s, api_root: 'http://127.0.0.1:9/' }",
  });
  expect(apiRootOf(plugins, { channel: "slack", instance: "acme" })).toBe("http://127.0.0.1:9/");
  expect(apiRootOf(plugins, { channel: "slack", instance: "other" })).toBeUndefined();
  expect(apiRootOf(plugins, { channel: "webchat", instance: "acme" })).toBeUndefined();
});
