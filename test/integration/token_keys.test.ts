/**
 * Tokens, their keys and their end at core and at edges of both runtimes; core killed while it rotates.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { startNatsServer } from "../support/nats_server.ts";

const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

interface Made {
  readonly token: string;
  readonly jti: string;
}

const create = (core: RunningDaemon): Promise<Made> =>
  core.call<Made>("token/create", { scope: ["tenant"], account: "acme" });

/** The status of an event stream with this token; the stream ends at once. */
async function follow(edgeUrl: string, token: string): Promise<number> {
  const response = await fetch(`${edgeUrl}/firehose/sse`, {
    headers: { authorization: `Bearer ${token}` },
  });
  await response.body?.cancel();
  return response.status;
}

describe("tokens at an edge elsewhere", () => {
  it.each(["node", "deno"] as const)(
    "outlive a rotation of their key, and end with --revoke-old, in seconds (%s)",
    async (runtime) => {
      await using nats = await startNatsServer();
      await using place = await openDaemonPlace({
        env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
      });
      const core = await place.start("core");
      const edge = await place.startEdge(runtime);
      const old = await create(core);
      expect(await follow(edge.url, old.token)).toBe(200);

      expect(await place.nexo("token", "rotate-key")).toMatchObject({ code: 0 });
      const fresh = await create(core);
      await expect.poll(() => follow(edge.url, fresh.token)).toBe(200);
      expect(await follow(edge.url, old.token)).toBe(200);

      const { code, stdout } = await place.nexo("token", "rotate-key", "--revoke-old");
      expect({ code, stdout }).toMatchObject({
        code: 0,
        stdout: expect.stringContaining("no older token is good any more") as string,
      });
      for (const { token } of [old, fresh]) {
        await expect.poll(() => follow(edge.url, token)).toBe(401);
      }
      const last = await create(core);
      await expect.poll(() => follow(edge.url, last.token)).toBe(200);
    },
  );

  it.each(["node", "deno"] as const)(
    "end within seconds when they are taken back while the edge was cut off (%s)",
    async (runtime) => {
      await using nats = await startNatsServer();
      await using place = await openDaemonPlace({
        env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
      });
      const core = await place.start("core");
      const edge = await place.startEdge(runtime);
      const [bad, good] = [await create(core), await create(core)];
      expect(await follow(edge.url, bad.token)).toBe(200);
      await nats.kill();
      // Nobody hears of it now.
      await core.call("token/revoke", { jti: bad.jti });
      await nats.start();
      await expect.poll(() => follow(edge.url, good.token)).toBe(200);
      await expect.poll(() => follow(edge.url, bad.token)).toBe(401);
    },
  );
});

describe("a core that is killed while it rotates the key", () => {
  it("comes back with the old key or the new one, and every token it gave out is good", async () => {
    await using place = await openDaemonPlace();
    const tokens: string[] = [];
    for (let round = 0; round < 4; round++) {
      const core = await place.start();
      for (const token of tokens) expect(await follow(core.edgeUrl, token)).toBe(200);
      tokens.push((await create(core)).token);
      let rotated = 0;
      const rotating = (async () => {
        for (;;) {
          await core.call("token/rotate_key", {});
          rotated += 1;
        }
      })().catch(() => undefined);
      await expect.poll(() => rotated).toBeGreaterThan(round * 2);
      await core.kill();
      await rotating;
    }
    const core = await place.start();
    for (const token of tokens) expect(await follow(core.edgeUrl, token)).toBe(200);
  });
});
