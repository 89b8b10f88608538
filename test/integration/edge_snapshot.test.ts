/**
 * Edges that start from a file while core is away, on a real NATS server with JetStream.
 *
 * @module
 */
import { createHmac, randomUUID } from "node:crypto";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";
import { type NatsServer, startNatsServer } from "../support/nats_server.ts";
import { eventually, tailTurns } from "../support/watch.ts";

const SECRET = "a secret only core was told";
const EDGE_KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/** Core has the secret; edges have nothing but the bus, the key and the file. */
async function openAway(nats: NatsServer): Promise<DaemonPlace & { readonly file: string }> {
  const place = await openDaemonPlace({
    env: { NEXO_NATS_URL: nats.url, NEXO_EDGE_KEY: EDGE_KEY },
  });
  await place.writeConfig("../secrets/GITHUB_WEBHOOK_SECRET", SECRET);
  return { ...place, file: join(place.home, "../edge.json") };
}

async function send(edgeUrl: string, delivery: string, path = "/webhooks/github"): Promise<number> {
  const body = JSON.stringify({ repository: { full_name: "octo/away" } });
  const signature = createHmac("sha256", SECRET).update(body).digest("hex");
  const { status } = await fetch(`${edgeUrl}${path}`, {
    method: "POST",
    body,
    headers: {
      "content-type": "application/json",
      "x-hub-signature-256": `sha256=${signature}`,
      "x-github-event": "push",
      "x-github-delivery": delivery,
    },
  });
  return status;
}

describe("an edge with a snapshot", () => {
  it.each(["node", "deno"] as const)(
    "accepts while core is away, loses nothing, and follows core once it speaks (%s)",
    async (runtime) => {
      await using nats = await startNatsServer({ jetStream: true });
      await using place = await openAway(nats);
      const first = await place.start("core");
      const written = await place.nexo("edge", "config", "--out", place.file, "--json");
      expect(written).toMatchObject({ code: 0 });
      expect(JSON.parse(written.stdout)).toMatchObject({ sealed: true, sources: 1 });
      expect((await stat(place.file)).mode & 0o777).toBe(0o600);
      expect(await readFile(place.file, "utf8")).not.toContain(SECRET);
      await first.kill();

      const edge = await place.startEdge(runtime, { NEXO_CONFIG_SNAPSHOT: place.file });
      expect((await fetch(`${edge.url}/readyz`)).status).toBe(200);
      const delivery = randomUUID();
      expect(await send(edge.url, delivery)).toBe(204);

      const path = join(place.configDir, "webhook_receiver.yaml");
      const moved = (await readFile(path, "utf8")).replace("/webhooks/github", "/webhooks/moved");
      await writeFile(path, moved);
      const core = await place.start("core");
      await eventually(
        core,
        async () =>
          (await tailTurns(core, { account: "acme" })).find(({ delivery_id }) =>
            delivery_id === delivery
          ),
      );
      await expect.poll(() => send(edge.url, delivery, "/webhooks/moved"))
        .toBe(204);
      expect(await send(edge.url, delivery)).toBe(404);
    },
  );

  it.each(["node", "deno"] as const)(
    "refuses to start from one that is foreign, changed or none, and says why (%s)",
    async (runtime) => {
      await using nats = await startNatsServer({ jetStream: true });
      await using place = await openAway(nats);
      await place.start("core");
      expect(await place.nexo("edge", "config", "--out", place.file)).toMatchObject({ code: 0 });
      const good = await readFile(place.file, "utf8");
      const start = (env: Record<string, string> = {}) =>
        place.startEdge(runtime, { NEXO_CONFIG_SNAPSHOT: place.file, ...env }).then(
          () => "started",
          (error: Error) => error.message,
        );
      const foreign = { NEXO_EDGE_KEY: EDGE_KEY.replaceAll("0", "f") };
      expect(await start(foreign)).toMatch(/another NEXO_EDGE_KEY \[sealed_unreadable\]/);
      const sealed = (JSON.parse(good) as { sealed: string }).sealed;
      const flipped = (sealed.startsWith("B", 40) ? "C" : "B") + sealed.slice(41);
      await writeFile(place.file, good.replace(sealed, sealed.slice(0, 40) + flipped));
      expect(await start()).toMatch(/it was changed .*\[sealed_unreadable\]/);
      await writeFile(place.file, "{}");
      expect(await start()).toMatch(/edge\.json": it is none; .*\[config_invalid\]/);
    },
  );

  it("is not written for a core without NEXO_EDGE_KEY, unless without secrets", async () => {
    await using place = await openDaemonPlace({ env: { GITHUB_WEBHOOK_SECRET: SECRET } });
    await place.start("core");
    const file = join(place.home, "edge.json");
    const refused = await place.nexo("edge", "config", "--out", file);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toContain("--without-secrets");
    const open = await place.nexo("edge", "config", "--out", file, "--without-secrets");
    expect(open).toMatchObject({ code: 0 });
    expect(await readFile(file, "utf8")).not.toContain(SECRET);
  });
});
