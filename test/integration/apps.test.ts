/**
 * Microapps' HTTP through edges of their own processes, over a real NATS server, sealed.
 *
 * @module
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appsSuite } from "../suites/apps.ts";
import { tokenHash } from "../../core/vault/microapp_tokens.ts";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { type NatsServer, startNatsServer } from "../support/nats_server.ts";
import { installWeb, webReady } from "../support/web_microapp.ts";

const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

let nats: NatsServer;
let place: DaemonPlace;
let core: RunningDaemon;

beforeAll(async () => {
  nats = await startNatsServer();
  place = await openDaemonPlace({
    env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
  });
  await installWeb(place, ["other"]);
  core = await place.start("core");
  await webReady(core);
});

afterAll(async () => {
  await place[Symbol.asyncDispose]();
  await nats[Symbol.asyncDispose]();
});

for (const runtime of ["node", "deno"] as const) {
  appsSuite(`a ${runtime} edge over NATS`, async () => {
    const edge = await place.startEdge(runtime);
    return {
      url: edge.url,
      async [Symbol.asyncDispose]() {
        await edge.stop();
      },
    };
  }, { largeMiB: runtime === "node" ? 100 : 16 });
}

describe("the token of a microapp's server", () => {
  interface Self {
    readonly shaken: { readonly http: { readonly token: string } };
    readonly rotations: readonly { readonly old_hash: string; readonly new: string }[];
    readonly env: Readonly<Record<string, string>>;
  }

  it("is rotated by the microapp itself, told to nobody else, on record, and holds after kill -9", async () => {
    const edge = await place.startEdge();
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
    await edge.stop();
  });
});
