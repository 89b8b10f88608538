import { networkInterfaces } from "node:os";
import { describe, expect, it } from "vitest";
import type { Candidate } from "../../../../../core/microapps/candidate.ts";
import { addressOf } from "../../../../../core/microapps/http/address.ts";
import { WATCH_TIMES } from "../../../../../core/microapps/http/watch.ts";
import { httpServerToml, serverReady } from "../../../../support/apps.ts";
import { freePort } from "../../../../support/free_port.ts";
import { childCandidate, openTestHost, type TestHost } from "../../../../support/microapps/host.ts";

const TIMES = { ...WATCH_TIMES, bootEveryMs: 10, everyMs: 20, unwellEveryMs: 20 };

async function web(
  { bind = "127.0.0.1", more = "" }: { bind?: string; more?: string } = {},
): Promise<{ candidate: Candidate; url: string }> {
  const port = await freePort(bind);
  const candidate = childCandidate("web", "serves_http.mjs", {
    args: [String(port), bind],
    extra: httpServerToml(port, `bind = "${bind}"\n${more}`),
  });
  return { candidate, url: addressOf({ bind, port }).url };
}

/** Containers often have none. */
const hasIpv6 = Object.values(networkInterfaces()).flat().some((one) => one?.address === "::1");

const httpOf = ({ host }: TestHost) => host.status()[0]?.http;

const entersState = (test: TestHost, state: string): Promise<void> =>
  test.until(() => httpOf(test)?.state === state);

describe("a microapp's HTTP server", () => {
  it("is routed to only while it answers well, and heals", async () => {
    const { candidate, url } = await web();
    await using test = await openTestHost([candidate], { watch: TIMES });
    expect(test.host.server("web")?.isReady).toBe(false);
    await serverReady(test, "web");
    expect(httpOf(test)).toEqual({ url, state: "ready", reason: null });

    await (await fetch(`${url}/sick`)).text();
    await entersState(test, "unhealthy");
    expect(test.host.server("web")?.isReady).toBe(false);
    expect(httpOf(test)?.reason).toBe(`no 2xx from ${url}/healthz: it answered 500`);

    await (await fetch(`${url}/well`)).text();
    await serverReady(test, "web");
  });

  it("is not routed to while its process is away, and is again when it is back", async () => {
    const { candidate, url } = await web();
    await using test = await openTestHost([candidate], { watch: TIMES });
    await serverReady(test, "web");
    await fetch(`${url}/exit`).catch(() => undefined);
    await test.entered("web", "restarting");
    expect(test.host.server("web")?.isReady).toBe(false);
    await serverReady(test, "web");
    expect(test.host.status()[0]?.restarts).toBe(1);
  });

  it("is looked at at once when somebody could not reach it", async () => {
    const { candidate, url } = await web();
    await using test = await openTestHost([candidate], {
      watch: { ...TIMES, everyMs: 3_600_000 },
    });
    await serverReady(test, "web");
    await (await fetch(`${url}/sick`)).text();
    test.host.server("web")?.suspect();
    await entersState(test, "unhealthy");
  });

  it("is unhealthy when it never answers, and says why", async () => {
    const { candidate } = await web({ more: 'health_path = "/nowhere"\n' });
    await using test = await openTestHost([candidate], {
      watch: { ...TIMES, bootLimitMs: 100 },
    });
    // Before it listens, the reason is that it does not.
    await expect.poll(() => httpOf(test)).toMatchObject({
      state: "unhealthy",
      reason: expect.stringMatching(/\/nowhere: it answered 404$/),
    });
  });

  it.skipIf(!hasIpv6)("is found at an IPv6 address", async () => {
    const { candidate, url } = await web({ bind: "::1" });
    expect(url).toMatch(/^http:\/\/\[::1\]:\d+$/);
    await using test = await openTestHost([candidate], { watch: TIMES });
    await serverReady(test, "web");
  });

  it("is found on loopback when it binds every interface", () => {
    expect(addressOf({ bind: "0.0.0.0", port: 1 })).toMatchObject({ host: "127.0.0.1" });
    expect(addressOf({ bind: "::", port: 1 }).url).toBe("http://[::1]:1");
    expect(addressOf({ bind: "10.0.0.7", port: 1 }).url).toBe("http://10.0.0.7:1");
  });

  it("is routed to unprobed when probes are switched off", async () => {
    const { candidate } = await web({ more: 'health_path = "/nowhere"\n' });
    await using test = await openTestHost([candidate], { watch: TIMES, mayProbe: () => false });
    await serverReady(test, "web");
    expect(httpOf(test)).toMatchObject({ state: "unwatched" });
  });

  it("is told its token, key and place in the handshake and in its environment", async () => {
    const { candidate, url } = await web();
    await using test = await openTestHost([candidate], {
      watch: TIMES,
      env: { PATH: process.env["PATH"], WEB_TOKEN: "from core's environment", OTHER_TOKEN: "no" },
      httpIdentity: (id, first) => Promise.resolve({ token: `${id}/${first}`, hopKey: "key" }),
    });
    await serverReady(test, "web");
    const { shaken, env } = await (await fetch(`${url}/self`)).json() as {
      shaken: { http: unknown };
      env: Record<string, string>;
    };
    const token = "web/from core's environment";
    expect(shaken.http).toEqual({
      bind: "127.0.0.1",
      port: Number(new URL(url).port),
      health_path: "/healthz",
      base_path: "/apps/web",
      token,
      hop_key: "key",
    });
    expect(env).toMatchObject({
      WEB_TOKEN: token,
      NEXO_HTTP_TOKEN: token,
      NEXO_HTTP_HOP_KEY: "key",
      NEXO_HTTP_PORT: new URL(url).port,
      NEXO_HTTP_BASE_PATH: "/apps/web",
    });
    expect(env["OTHER_TOKEN"]).toBeUndefined();
    expect(test.logs).toContainEqual(
      expect.objectContaining({ event: "microapp.token_env_outdated" }),
    );
  });

  it("never gets a secret of core itself as its token, whatever its manifest asks for", async () => {
    const { candidate, url } = await web({ more: 'extra_env_passthrough = ["NEXO_EDGE_KEY"]\n' });
    const { capabilities } = candidate.manifest;
    const httpServer = { ...capabilities.httpServer, token_env: "NEXO_EDGE_KEY" };
    const manifest = { ...candidate.manifest, capabilities: { ...capabilities, httpServer } };
    let first: string | undefined = "unasked";
    await using test = await openTestHost([{ ...candidate, manifest } as Candidate], {
      watch: TIMES,
      env: { PATH: process.env["PATH"], NEXO_EDGE_KEY: "core's own" },
      httpIdentity(_id, given) {
        first = given;
        return Promise.resolve({ token: "its own", hopKey: "key" });
      },
    });
    await serverReady(test, "web");
    expect(first).toBeUndefined();
    const { env } = await (await fetch(`${url}/self`)).json() as { env: Record<string, string> };
    expect(env["NEXO_EDGE_KEY"]).toBe("its own");
  });
});
