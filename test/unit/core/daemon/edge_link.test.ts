import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openHandoffSeal } from "../../../../core/bus/handoff_seal.ts";
import { openLocalBus } from "../../../../core/bus/local.ts";
import {
  EDGE_SNAPSHOT_FORMAT,
  type EdgeConfig,
  subjects,
  WebhookReceiver,
} from "../../../../core/contract/mod.ts";
import { openEdgeLink } from "../../../../core/daemon/edge_link.ts";
import { openScope } from "../../../../core/flow/scope.ts";
import { edgeConfigOf } from "../../../../core/settings/edge_config.ts";
import { followRemoteConfig, withOwnSecrets } from "../../../../edge/remote_config.ts";
import { readSnapshot } from "../../../../edge/snapshot.ts";
import { collector } from "../../../suites/bus.ts";
import { silentLog } from "../../../support/store.ts";

const SECRET = "a secret nobody may read";
const KEY = new Uint8Array(32).fill(7);
const OTHER_KEY = new Uint8Array(32).fill(8);
const NOW = 1_800_000_000_000;
const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

const receiver = WebhookReceiver.parse({
  enabled: true,
  sources: [{ id: "github", path: "/github", preset: "github", secret_env: "GITHUB_SECRET" }],
});

/** A core that serves its configuration and an edge that follows it, keys as given. */
async function openPair(
  { coreKey, edgeKey, edgeSecret, askAgainMs }: {
    coreKey?: Uint8Array;
    edgeKey?: Uint8Array;
    edgeSecret?: string;
    askAgainMs?: number;
  },
) {
  const bus = openLocalBus();
  const scope = openScope({ onError: () => {} });
  const stop = new AbortController();
  const core = { version: 1, pushes: true };
  const seal = await openHandoffSeal({ key: edgeKey, subject: subjects.edgeConfigPush, random });
  const raw: Uint8Array[] = [];
  const asks = collector();
  bus.subscribe(subjects.edgeConfigPush, {}, ({ data }) => void raw.push(data));
  const link = await openEdgeLink({
    bus: {
      respond: (pattern, options, answer) =>
        bus.respond(pattern, options, (message) => {
          asks.hear(message);
          return answer(message);
        }),
      publish: (...message) => core.pushes ? bus.publish(...message) : undefined,
    },
    config: () => edgeConfigOf(receiver, () => SECRET, core.version),
    key: coreKey,
    random,
    now: () => NOW,
    log: silentLog,
  });
  link.serve();
  const applied: EdgeConfig[] = [];
  let tell = (): void => {};
  let following: Promise<unknown> | undefined;

  /** Resolves when the edge has applied `count` configurations; rejects when it gave up before. */
  async function until(count: number): Promise<void> {
    while (applied.length < count) {
      await Promise.race([new Promise<void>((resolve) => (tell = resolve)), following]);
    }
  }
  return {
    core,
    link,
    applied,
    raw,
    asks,
    until,
    push: () => link.push(scope),
    follow({ isConfigured = false } = {}): Promise<void> {
      const unwrap = (message: Uint8Array) => seal.unwrap(message);
      const { signal } = stop;
      following = followRemoteConfig(
        { bus, unwrap, isConfigured, askAgainMs, log: silentLog, signal },
        (config) => {
          applied.push(withOwnSecrets(config, () => edgeSecret));
          tell();
        },
      ).then(() => Promise.reject(new Error("it was stopped")));
      return until(1);
    },
    async [Symbol.asyncDispose]() {
      stop.abort();
      await following?.catch(() => undefined);
      await scope[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

describe("openEdgeLink() and followRemoteConfig()", () => {
  it("bring sources and secrets to an edge of the same key, unreadable on the way, and each change", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: KEY });
    await pair.follow();
    pair.core.version = 2;
    pair.push();
    await pair.until(2);
    expect(pair.applied.map(({ version, sources }) => [version, sources[0]?.secret])).toEqual([
      [1, SECRET],
      [2, SECRET],
    ]);
    expect(pair.raw).toHaveLength(1);
    expect(Buffer.from(pair.raw[0] ?? []).toString("latin1")).not.toContain(SECRET);
  });

  it("put every change in force in its order, however fast they come", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: KEY });
    await pair.follow();
    for (let i = 0; i < 50; i++) {
      pair.core.version++;
      pair.push();
    }
    while (pair.applied.at(-1)?.version !== 51) await pair.until(pair.applied.length + 1);
    const versions = pair.applied.map(({ version }) => version);
    expect(versions).toEqual(versions.toSorted((a, b) => a - b));
  });

  it("make up for a push that got lost, and apply nothing twice", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: KEY, askAgainMs: 1 });
    await pair.follow();
    pair.core.pushes = false;
    pair.core.version = 2;
    await pair.until(2);
    pair.core.version = 3;
    await pair.until(3);
    expect(pair.applied.map(({ version }) => version)).toEqual([1, 2, 3]);
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

  it("refuse each other with different keys; an edge that works already goes on", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: OTHER_KEY });
    await expect(pair.follow()).rejects.toMatchObject({ code: "sealed_unreadable" });
    expect(pair.applied).toEqual([]);

    await using working = await openPair({ coreKey: KEY, edgeKey: OTHER_KEY, askAgainMs: 1 });
    const gaveUp = working.follow({ isConfigured: true }).then(() => "applied", () => "gave up");
    const later = working.asks.until(2).then(() => "asks again");
    expect(await Promise.race([gaveUp, later])).toBe("asks again");
  });
});

describe("a snapshot", () => {
  const HOUR_MS = 3_600_000;
  const read = async (
    text: string,
    { key, nowMs = NOW }: { key?: Uint8Array | undefined; nowMs?: number },
  ): Promise<EdgeConfig> => {
    const seal = await openHandoffSeal({ key, subject: EDGE_SNAPSHOT_FORMAT, random });
    return readSnapshot({ path: "/edge.json", read: () => Promise.resolve(text) }, {
      unwrap: (message) => seal.unwrap(message),
      hasKey: key !== undefined,
      now: () => nowMs,
      log: silentLog,
    });
  };
  const write = async (coreKey: Uint8Array | undefined, withoutSecrets = false) => {
    await using pair = await openPair(coreKey === undefined ? {} : { coreKey });
    return await pair.link.snapshot({ ttlMs: HOUR_MS, withoutSecrets });
  };
  const refused = (code: string, state: RegExp) =>
    expect.objectContaining({ code, message: expect.stringMatching(state) as string }) as unknown;

  it("brings the configuration to an edge of the same key, and shows nobody a secret", async () => {
    const { text, sealed, sources, expiresAtMs } = await write(KEY);
    expect({ sealed, sources, expiresAtMs }).toEqual({
      sealed: true,
      sources: 1,
      expiresAtMs: NOW + HOUR_MS,
    });
    expect(text).not.toContain(SECRET);
    expect(Buffer.from(JSON.parse(text).sealed, "base64").toString("latin1")).not.toContain(SECRET);
    expect((await read(text, { key: KEY })).sources[0]?.secret).toBe(SECRET);
  });

  it("is not written without a key, unless the secrets stay out", async () => {
    await expect(write(undefined)).rejects.toEqual(refused("config_invalid", /NEXO_EDGE_KEY/));
    const { text, sealed } = await write(undefined, true);
    expect(sealed).toBe(false);
    expect(text).not.toContain(SECRET);
    expect((await read(text, {})).sources[0]).toMatchObject({ id: "github", secret: null });
  });

  it("is refused when it has expired, is foreign, was changed or is something else", async () => {
    const { text } = await write(KEY);
    await expect(read(text, { key: KEY, nowMs: NOW + HOUR_MS })).rejects.toEqual(
      refused("config_invalid", /"\/edge.json": it expired at 20/),
    );
    for (const key of [OTHER_KEY, undefined]) {
      await expect(read(text, { key })).rejects.toEqual(
        refused("sealed_unreadable", /"\/edge.json": it (was changed|is sealed)/),
      );
    }
    const open = (await write(undefined, true)).text;
    await expect(read(open, { key: KEY })).rejects.toEqual(
      refused("sealed_unreadable", /it is not sealed, and NEXO_EDGE_KEY is set here/),
    );
    for (const other of ["", "{}", "[]", text.slice(0, -9), open.replace("github", "")]) {
      await expect(read(other, {})).rejects.toEqual(refused("config_invalid", /it is none/));
    }
  });

  it("opens with no byte of it changed", async () => {
    const { text } = await write(KEY);
    const sealed = Buffer.from(JSON.parse(text).sealed as string, "base64");
    await fc.assert(fc.asyncProperty(
      fc.nat({ max: sealed.length - 1 }),
      fc.integer({ min: 1, max: 255 }),
      async (at, flip) => {
        const changed = Buffer.from(sealed);
        changed[at] = (changed[at] ?? 0) ^ flip;
        const forged = { ...JSON.parse(text), sealed: changed.toString("base64") };
        await expect(read(JSON.stringify(forged), { key: KEY })).rejects.toMatchObject({
          code: "sealed_unreadable",
        });
      },
    ));
  });

  it("is no push, and a push is no snapshot", async () => {
    await using pair = await openPair({ coreKey: KEY, edgeKey: KEY });
    await pair.follow();
    pair.push();
    await expect.poll(() => pair.raw.length).toBe(1);
    const sealed = Buffer.from(pair.raw[0] ?? []).toString("base64");
    const forged = JSON.stringify({ format: EDGE_SNAPSHOT_FORMAT, sealed });
    await expect(read(forged, { key: KEY })).rejects.toMatchObject({ code: "sealed_unreadable" });
  });
});
