/**
 * Microapps' HTTP through edges of their own processes, over a real NATS server, sealed.
 *
 * @module
 */
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { appsSuite } from "../suites/apps.ts";
import { tokenHash } from "../../core/vault/microapp_tokens.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { type NatsServer, startNatsServer } from "../support/nats_server.ts";
import { byHand, installWeb, webReady, withSdk } from "../support/web_microapp.ts";

const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

let nats: NatsServer;
let place: DaemonPlace;
let core: RunningDaemon;
let edges: Readonly<Record<"node" | "deno", { readonly url: string }>>;

beforeAll(async () => {
  nats = await startNatsServer();
  place = await openDaemonPlace({
    env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
  });
  await installWeb(place, {
    web: byHand,
    other: byHand,
    "sdk-node": withSdk.node,
    "sdk-deno": withSdk.deno,
  });
  core = await place.start("core");
  edges = { node: await place.startEdge("node"), deno: await place.startEdge("deno") };
  await webReady(core);
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

for (const runtime of ["node", "deno"] as const) {
  appsSuite(
    `a ${runtime} edge over NATS`,
    () => Promise.resolve({ url: edges[runtime].url, [Symbol.asyncDispose]: async () => {} }),
    { largeMiB: runtime === "node" ? 100 : 16 },
  );
}

describe("a microapp made with the SDK", () => {
  it.each(["node", "deno"] as const)(
    "has sessions, events and WebSockets on %s",
    async (runtime) => {
      const edge = edges.node;
      const id = `sdk-${runtime}`;
      const app = `${edge.url}/apps/${id}`;
      const page = await fetch(`${app}/`);
      expect(await page.text()).toBe("<h1>hello</h1>");
      expect(page.headers.get("content-security-policy")).toContain("default-src 'self'");
      expect(await (await fetch(`${app}/api/hop`)).json()).toMatchObject({ iss: "nexo", aud: id });

      const token =
        (await readFile(join(place.home, `secrets/microapps/${id}/http_token.txt`), "utf8"))
          .trim();
      const signedIn = await fetch(`${app}/api/session`, {
        method: "POST",
        headers: { authorization: `Bearer ${token}` },
      });
      const [cookie = ""] = signedIn.headers.getSetCookie();
      expect(cookie).toContain(`Path=/apps/${id}/;`);
      const me = await fetch(`${app}/api/me`, {
        headers: { cookie: cookie.split(";", 1)[0] ?? "" },
      });
      expect(await me.json()).toEqual({ kind: "session", subject: "ana" });
      expect((await fetch(`${app}/api/me`)).status).toBe(401);

      const happen = async (n: number): Promise<string> => {
        const body = JSON.stringify({ n });
        const answer = await fetch(`${app}/api/happen`, { method: "POST", body });
        return answer.text();
      };
      const first = await happen(1);
      await happen(2);
      const stop = new AbortController();
      const { body } = await fetch(`${app}/api/events`, {
        headers: { "last-event-id": first },
        signal: stop.signal,
      });
      const reader = body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      while (!text.includes('"n":2')) text += (await reader?.read())?.value ?? "";
      expect(text).not.toContain('"n":1');
      stop.abort();

      const ws = new WebSocket(`${app.replace("http", "ws")}/socket`);
      await once(ws, "open");
      ws.send("hello");
      expect(String((await once(ws, "message"))[0])).toBe("hello!");
      ws.close(1000);
      await once(ws, "close");
    },
  );
});

describe("the token of a microapp's server", () => {
  interface Self {
    readonly shaken: { readonly http: { readonly token: string } };
    readonly rotations: readonly { readonly old_hash: string; readonly new: string }[];
    readonly env: Readonly<Record<string, string>>;
  }

  it("is rotated by the microapp itself, told to nobody else, on record, and holds after kill -9", async () => {
    const edge = edges.deno;
    const selfOf = async (id: string): Promise<Self> =>
      await (await fetch(`${edge.url}/apps/${id}/self`)).json() as Self;
    const before = await selfOf("web");
    const other = await selfOf("other");
    expect(before.env["WEB_TOKEN"]).toBe(before.shaken.http.token);
    expect(other.shaken.http.token).not.toBe(before.shaken.http.token);

    const answer = await (await fetch(`${edge.url}/apps/web/rotate`)).json();
    const { rotations: [rotation] } = await selfOf("web");
    expect(rotation).toMatchObject({ old_hash: tokenHash(before.shaken.http.token) });
    expect(answer).toMatchObject({ ok: true, new_hash: tokenHash(rotation?.new ?? "") });
    expect((await selfOf("other")).rotations).toEqual([]);
    const { events } = await core.call<{ events: { kind: string }[] }>("events/list", {
      kind: "security_event",
    });
    expect(events).toMatchObject([{
      kind: "security_event",
      security_kind: "token_rotated",
      microapp_id: "web",
      new_hash: tokenHash(rotation?.new ?? ""),
      reason: "test",
    }]);
    expect(JSON.stringify(events)).not.toContain(rotation?.new);

    await core.kill();
    core = await place.start("core");
    await webReady(core);
    const again = await selfOf("web");
    expect(again.shaken.http.token).toBe(rotation?.new);
    expect(again.env["WEB_TOKEN"]).toBe(rotation?.new);
    expect((await selfOf("other")).shaken.http.token).toBe(other.shaken.http.token);
  });
});
