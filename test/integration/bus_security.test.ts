/**
 * What somebody on the bus can do who should not: at a real NATS server and at the embedded broker.
 *
 * @module
 */
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { SignJWT } from "jose";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { Bus } from "../../core/bus/bus.ts";
import { openNatsBus } from "../../core/bus/nats.ts";
import { subjects } from "../../core/contract/mod.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { createLogWatch } from "../support/log_watch.ts";
import { startNatsServer } from "../support/nats_server.ts";
import { handoff } from "../suites/bus.ts";
import { eventually, tailTurns } from "../support/watch.ts";

const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const enter = (url: string, token?: string): Promise<Bus> =>
  openNatsBus({
    url,
    auth: token === undefined ? undefined : { token },
    name: "intruder",
    jetStream: false,
    now: Date.now,
    log: createLogWatch(),
  });

const brokerToken = async ({ home }: DaemonPlace): Promise<string> =>
  (await readFile(join(home, "keys/broker.token"), "utf8")).trim();

/** A core, and an intruder who may use its bus, but has neither token nor edge key. */
async function openIntrusion(carrier: "nats" | "broker") {
  const nats = carrier === "nats" ? await startNatsServer() : undefined;
  const env = { NEXO_EDGE_KEY: EDGE_KEY, GITHUB_WEBHOOK_SECRET: "a secret of the source" };
  const place = await openDaemonPlace({
    env: nats === undefined ? env : { ...env, NEXO_NATS_URL: nats.url },
  });
  const core = await place.start("core");
  const bus = nats === undefined
    ? await enter(core.brokerUrl, await brokerToken(place))
    : await enter(nats.url);
  return {
    core,
    bus,
    async [Symbol.asyncDispose]() {
      await bus[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
      await nats?.[Symbol.asyncDispose]();
    },
  };
}

/** Tokens that open nothing, by what is wrong with them. */
async function badTokens(core: RunningDaemon): Promise<Record<string, string | undefined>> {
  const create = (more: object) =>
    core.call<{ token: string; jti: string }>("token/create", { scope: ["operator"], ...more });
  const [good, expired] = [await create({}), await create({ ttl_ms: 1 })];
  const part = (token: string, at: number): Record<string, unknown> =>
    JSON.parse(Buffer.from(token.split(".")[at] ?? "", "base64url").toString());
  const { privateKey } = generateKeyPairSync("ed25519");
  const foreign = await new SignJWT(part(good.token, 1))
    .setProtectedHeader({ alg: "EdDSA", kid: String(part(good.token, 0)["kid"]) })
    .sign(privateKey);
  await core.call("token/revoke", { jti: good.jti });
  await expect.poll(() => Date.now() >= Number(part(expired.token, 1)["exp"]) * 1000).toBe(true);
  return {
    missing: undefined,
    garbled: "x.y.z",
    foreign,
    expired: expired.token,
    "taken back": good.token,
    "for edges": (await create({ scope: ["edge"] })).token,
  };
}

describe.each(["nats", "broker"] as const)("somebody on the bus who should not be (%s)", (kind) => {
  it("calls nothing without a token that is good now, whatever an edge would say", async () => {
    await using at = await openIntrusion(kind);
    const calls: [string, Uint8Array][] = [
      [subjects.admin, encode({ jsonrpc: "2.0", id: 1, method: "nexo/operator/status" })],
      [subjects.backfill, encode({ after: 0, filter: {} })],
      [subjects.ticket, encode({ op: "issue" })],
    ];
    for (const [what, token] of Object.entries(await badTokens(at.core))) {
      const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
      for (const [subject, body] of calls) {
        const answer = at.bus.request(subject, body, { headers }).then(
          () => "answered",
          ({ code }: { code: string }) => code,
        );
        expect(`${subject} ${what}: ${await answer}`).toBe(`${subject} ${what}: token_invalid`);
      }
    }
    const { token } = await at.core.call<{ token: string }>("token/create", {
      scope: ["tenant"],
      account: "acme",
    });
    await expect(
      at.bus.request(calls[0]?.[0] ?? "", calls[0]?.[1] ?? new Uint8Array(), {
        headers: { authorization: `Bearer ${token}` },
      }),
    ).rejects.toMatchObject({ code: "token_invalid" });
  });

  it("reads no secret of a source, and hands nothing off", async () => {
    await using at = await openIntrusion(kind);
    const { data } = await at.bus.request(subjects.edgeConfigRequest, new Uint8Array());
    expect(Buffer.from(data).toString("latin1")).not.toMatch(/a secret of|github/);
    await expect(at.bus.publishDurable([handoff(1)])).rejects.toMatchObject({
      code: "sealed_unreadable",
    });
    expect(await at.core.call("inbox/list", {})).toMatchObject({ deliveries: [] });
  });

  it("speaks as no visitor: not by a mirror's subject, nor by the visitors' own", async () => {
    await using at = await openIntrusion(kind);
    const forged = { instance: "acme", contact: "visitor-1", text: "forged" };
    for (const subject of [subjects.inbound("webchat", "acme"), "agent.route.ana"]) {
      at.bus.publish(subject, encode({ ...forged, op: "say" }));
    }
    await expect(at.bus.request(subjects.chat, encode({ ...forged, op: "say" }))).rejects
      .toMatchObject({ code: "sealed_unreadable" });
    await expect(
      at.bus.request(subjects.chat, encode({ op: "read", instance: "acme", contact: "cli" })),
    ).rejects.toMatchObject({ code: "sealed_unreadable" });
    await at.core.call("chat", { instance: "acme", text: "true", contact: "visitor-2" });
    await eventually(
      at.core,
      async () => (await tailTurns(at.core, { account: "acme" })).length > 0 ? true : undefined,
    );
    expect(await tailTurns(at.core, { account: "acme" })).toHaveLength(1);
  });
});

describe("visitors of edges elsewhere", () => {
  it.each(["node", "deno"] as const)("are heard with the edge's key (%s)", async (runtime) => {
    await using nats = await startNatsServer();
    await using place = await openDaemonPlace({
      env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
    });
    const core = await place.start("core");
    const edge = await place.startEdge(runtime);
    const said = await fetch(`${edge.url}/chat/acme/messages`, {
      method: "POST",
      body: JSON.stringify({ text: "hello" }),
      headers: { "content-type": "application/json" },
    });
    expect(said.status).toBe(202);
    await eventually(core, async () => (await tailTurns(core, { account: "acme" }))[0]);
  });
});

describe("the broker of nexo dev", () => {
  it("is open without a word in the config, beside another's, and says where it is", async () => {
    await using first = await openDaemonPlace();
    await using second = await openDaemonPlace();
    const daemons = [await first.start(), await second.start()];
    const urls = daemons.map(({ brokerUrl }) => brokerUrl);
    expect(new Set(urls).size).toBe(2);
    for (const [i, place] of [first, second].entries()) {
      const url = urls[i] ?? "";
      expect(place.output()).toContain(`${url} (token in ${join(place.home, "keys/broker.token")}`);
      await using bus = await enter(url, await brokerToken(place));
      expect(bus.status()).toBe("ready");
    }
    await expect(enter(urls[0] ?? "", await brokerToken(second))).rejects.toMatchObject({
      code: "bus_unauthorized",
    });
    await expect(enter(urls[0] ?? "")).rejects.toMatchObject({ code: "bus_unauthorized" });
  });

  it("refuses web pages, whatever token they have", async () => {
    await using place = await openDaemonPlace();
    const { brokerUrl } = await place.start();
    const socket = new WebSocket(brokerUrl, { origin: "https://evil.example" });
    const [, response] = await once(socket, "unexpected-response") as [unknown, {
      statusCode: number;
    }];
    expect(response.statusCode).toBe(403);
    socket.on("error", () => undefined).terminate();
  });
});
