import { describe, expect, it } from "vitest";
import { openHandoffSeal } from "../../../../core/bus/handoff_seal.ts";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { type EdgeConfig, subjects, WebhookReceiver } from "../../../../core/contract/mod.ts";
import { serveEdgeConfig } from "../../../../core/daemon/edge_link.ts";
import { openScope } from "../../../../core/flow/scope.ts";
import { edgeConfigOf } from "../../../../core/settings/edge_config.ts";
import { followRemoteConfig } from "../../../../edge/remote_config.ts";
import { silentLog } from "../../../support/store.ts";

const SECRET = "a secret nobody may read";
const KEY = new Uint8Array(32).fill(7);
const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

const receiver = WebhookReceiver.parse({
  enabled: true,
  sources: [{ id: "github", path: "/github", preset: "github", secret_env: "GITHUB_SECRET" }],
});

/** A core that serves its configuration and an edge that follows it, keys as given. */
async function openPair(
  { coreKey, edgeKey, edgeSecret }: {
    coreKey?: Uint8Array;
    edgeKey?: Uint8Array;
    edgeSecret?: string;
  },
) {
  const bus = openLocalBus();
  const scope = openScope({ onError: () => {} });
  const stop = new AbortController();
  let version = 1;
  const sealOf = (key: Uint8Array | undefined) =>
    openHandoffSeal({ key, subject: subjects.edgeConfigPush, random });
  const [core, edge] = await Promise.all([sealOf(coreKey), sealOf(edgeKey)]);
  const raw: Uint8Array[] = [];
  bus.subscribe(subjects.edgeConfigPush, {}, ({ data }) => void raw.push(data));
  const link = serveEdgeConfig({
    bus,
    config: () => edgeConfigOf(receiver, () => SECRET, version),
    wrap: (message) => core.wrap(message),
    sealed: coreKey !== undefined,
    scope,
    log: silentLog,
  });
  const applied: EdgeConfig[] = [];
  let tell = (): void => {};
  return {
    applied,
    raw,
    follow: () =>
      followRemoteConfig({
        bus,
        unwrap: (message) => edge.unwrap(message),
        secretOf: () => edgeSecret,
        log: silentLog,
        signal: stop.signal,
      }, (config) => {
        applied.push(config);
        tell();
      }),
    async pushed(): Promise<void> {
      const heard = new Promise<void>((resolve) => (tell = resolve));
      version++;
      link.push();
      await heard;
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await scope[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

describe("serveEdgeConfig() and followRemoteConfig()", () => {
  it("bring sources and secrets to an edge of the same key, unreadable on the way, and each change", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: KEY });
    await pair.follow();
    await pair.pushed();
    expect(pair.applied.map(({ version, sources }) => [version, sources[0]?.secret])).toEqual([
      [1, SECRET],
      [2, SECRET],
    ]);
    expect(pair.raw).toHaveLength(1);
    expect(Buffer.from(pair.raw[0] ?? []).toString("latin1")).not.toContain(SECRET);
  });

  it("keep every secret at core without a key; the edge's own then counts", async () => {
    await using without = await openPair({});
    await without.follow();
    expect(without.applied[0]?.sources[0]).toMatchObject({ secret: null });
    expect(without.applied[0]?.sources[0]?.disabled_reason).toMatch(/GITHUB_SECRET/);

    await using own = await openPair({ edgeSecret: "the edge's own secret" });
    await own.follow();
    expect(own.applied[0]?.sources[0]).toMatchObject({
      secret: "the edge's own secret",
      disabled_reason: null,
    });
  });

  it("refuse each other with different keys", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: new Uint8Array(32).fill(8) });
    await expect(pair.follow()).rejects.toMatchObject({ code: "sealed_unreadable" });
    expect(pair.applied).toEqual([]);
  });
});
