import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Bus } from "../../../../core/bus/bus.ts";
import {
  type ExchangeClient,
  type ExchangeDeps,
  openExchangeClient,
} from "../../../../core/bus/exchanges/client.ts";
import type { ExchangeEnd } from "../../../../core/bus/exchanges/end.ts";
import type { LineLimits } from "../../../../core/bus/exchanges/line.ts";
import { createReplayGuard } from "../../../../core/bus/exchanges/replay_guard.ts";
import { serveExchanges } from "../../../../core/bus/exchanges/serve.ts";
import { openLocalBus } from "../../../../core/bus/local.ts";
import { CodedError, decodeFrame, type ExchangeRequest } from "../../../../core/contract/mod.ts";
import { silentLog } from "../../../support/store.ts";

const REQUEST: ExchangeRequest = {
  kind: "http",
  method: "GET",
  target: "/",
  headers: [],
  has_body: false,
  client: { ip: null, proto: "http", host: null },
  request_id: "r",
};
const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);
const LIMITS: Partial<LineLimits> = {
  poolBytes: 64 * 1024,
  maxWindowBytes: 16 * 1024,
  firstWindowBytes: 8 * 1024,
  minWindowBytes: 4 * 1024,
  rollEveryMs: 20,
};

/** What surrounds data in a message that is not sealed. */
const FRAME_BYTES = 7;

/** A message of exchanges on its way. */
interface Passing {
  readonly subject: string;
  readonly data: Uint8Array;
}

/** A bus that shows what passes; `lose` says what does not arrive. */
function watched(
  bus: Bus,
  pass: (passing: Passing) => void,
  lose: (passing: Passing) => boolean,
): Bus {
  return {
    ...bus,
    publish(subject, data, headers) {
      const message = { subject, data };
      if (lose(message)) return;
      bus.publish(subject, data, headers);
      pass(message);
    },
  };
}

/** What the other ends of exchanges are, in the order they were opened. */
interface Pair extends AsyncDisposable {
  readonly client: ExchangeClient;
  readonly served: { readonly size: () => number };
  readonly passing: Passing[];
  /** Resolves when the sides have called so many rolls from now on. */
  readonly rolled: (count: number) => Promise<void>;
  readonly open: () => Promise<{ near: ExchangeEnd; far: ExchangeEnd }>;
}

async function openPair(
  {
    limits = LIMITS,
    lose = () => false,
    loseNear = () => false,
    keys = [undefined, undefined],
    maxExchanges,
  }: {
    limits?: Partial<LineLimits>;
    lose?: (passing: Passing) => boolean;
    loseNear?: (passing: Passing) => boolean;
    keys?: [Uint8Array | undefined, Uint8Array | undefined];
    maxExchanges?: number;
  } = {},
): Promise<Pair> {
  const bus = openLocalBus();
  const passing: Passing[] = [];
  let onRoll = (): void => undefined;
  const pass = (message: Passing): void => {
    passing.push(message);
    if (message.subject.endsWith(".roll")) onRoll();
  };
  const deps: ExchangeDeps = { bus, key: undefined, now: Date.now, random, log: silentLog, limits };
  const waiting: ((end: ExchangeEnd) => void)[] = [];
  let finish: () => void = () => undefined;
  const over = new Promise<void>((resolve) => finish = resolve);
  const served = await serveExchanges({
    ...deps,
    key: keys[1],
    bus: watched(bus, pass, lose),
    admit: (id) => {
      if (id !== "web") return Promise.reject(new CodedError("not_found", "Cannot open it"));
      return Promise.resolve((end) => {
        waiting.shift()?.(end);
        return over;
      });
    },
  });
  const client = await openExchangeClient({
    ...deps,
    key: keys[0],
    maxExchanges,
    bus: watched(bus, pass, loseNear),
  });
  return {
    client,
    served,
    passing,
    rolled: (count) =>
      new Promise((resolve) => {
        let left = count;
        onRoll = () => void (--left === 0 && resolve());
      }),
    async open() {
      const far = new Promise<ExchangeEnd>((resolve) => waiting.push(resolve));
      return { near: await client.open("web", REQUEST), far: await far };
    },
    async [Symbol.asyncDispose]() {
      finish();
      await client[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

async function readAll(end: ExchangeEnd): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (;;) {
    const frame = await end.next();
    if (frame.kind === "end") return new Uint8Array(Buffer.concat(chunks));
    if (frame.kind === "data") chunks.push(frame.bytes);
  }
}

/** Several turns of the loop: whatever can happen without anybody reading has happened. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
}

const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i % 253);

describe("an exchange", () => {
  let pair: Pair;
  beforeEach(async () => {
    pair = await openPair();
  });
  afterEach(async () => {
    await pair[Symbol.asyncDispose]();
  });

  it("carries both directions whole, each ending by itself", async () => {
    const { near, far } = await pair.open();
    const up = bytes(300_000);
    const down = bytes(200_001);
    const [gotUp, gotDown] = await Promise.all([
      readAll(far),
      readAll(near),
      near.write(up).then(() => near.end()),
      far.write(down).then(() => far.end()),
    ]);
    expect(Buffer.compare(gotUp, up)).toBe(0);
    expect(Buffer.compare(gotDown, down)).toBe(0);
    await settle();
    expect([pair.client.size(), pair.served.size()]).toEqual([0, 0]);
  });

  it("has no more bytes under way than its window, however large the body and slow the reader", async () => {
    const { near, far } = await pair.open();
    let written = 0;
    const writing = (async () => {
      for (let i = 0; i < 200; i++) {
        await far.write(bytes(10_000));
        written += 10_000;
      }
      far.end();
    })();
    const window = LIMITS.maxWindowBytes ?? 0;
    let read = 0;
    for (;;) {
      await settle();
      // What was written and not read lies in the window, the piece in the writer's hand apart.
      expect(written - read).toBeLessThanOrEqual(window + 10_000);
      const frame = await near.next();
      if (frame.kind === "end") break;
      if (frame.kind === "data") read += frame.bytes.length;
    }
    await writing;
    expect(read).toBe(2_000_000);
  });

  it("shares its side's memory with all others: many slow readers hold no more than the pool", async () => {
    const ends = await Promise.all(Array.from({ length: 60 }, () => pair.open()));
    const before = pair.passing.length;
    for (const { far } of ends) far.write(bytes(100_000)).catch(() => undefined);
    await settle();
    const underWay = pair.passing.slice(before)
      .filter(({ data }) => decodeKind(data) === "data")
      .reduce((sum, { data }) => sum + data.length - FRAME_BYTES, 0);
    const { poolBytes = 0, firstWindowBytes = 0, minWindowBytes = 0 } = LIMITS;
    // The first few were promised more than the last, before there were so many.
    const promised = ends.map((_, i) =>
      Math.max(minWindowBytes, Math.min(firstWindowBytes, poolBytes / Math.max(1, i)))
    );
    expect(underWay).toBeLessThanOrEqual(promised.reduce((sum, each) => sum + each, 0));
    expect(underWay).toBeGreaterThan(60 * minWindowBytes / 2);
    for (const { near } of ends) near.cancel("exchange_lost");
  });

  it("is over for both when one cancels, and whoever waits hears why", async () => {
    const { near, far } = await pair.open();
    const writing = far.write(bytes(1_000_000));
    const reading = far.next();
    near.cancel("microapp_timeout");
    await expect(writing).rejects.toMatchObject({ code: "microapp_timeout" });
    await expect(reading).rejects.toMatchObject({ code: "microapp_timeout" });
    await expect(near.next()).rejects.toMatchObject({ code: "microapp_timeout" });
    expect([near.signal.aborted, far.signal.aborted]).toEqual([true, true]);
    await settle();
    expect([pair.client.size(), pair.served.size()]).toEqual([0, 0]);
  });

  it("lets what was said before the end be read after a cancel", async () => {
    const { near, far } = await pair.open();
    await far.write(bytes(100));
    far.end();
    far.cancel("exchange_lost");
    await settle();
    expect((await near.next()).kind).toBe("data");
    expect((await near.next()).kind).toBe("end");
  });

  it("does not open for what core refuses, and leaves nothing behind", async () => {
    await expect(pair.client.open("nobody", REQUEST)).rejects.toMatchObject({ code: "not_found" });
    expect(pair.client.size()).toBe(0);
  });
});

describe("exchanges that lose something on the way", () => {
  it("end at both sides when a frame in the middle is lost", async () => {
    let datas = 0;
    await using pair = await openPair({
      lose: ({ data }) => decodeKind(data) === "data" && ++datas === 2,
    });
    const { near, far } = await pair.open();
    far.write(bytes(100_000)).catch(() => undefined);
    await expect(readAll(near)).rejects.toMatchObject({ code: "exchange_lost" });
    await settle();
    expect(far.signal.aborted).toBe(true);
  });

  it("end when the last frame is lost, and when the other side is gone", async () => {
    let isCut = false;
    await using pair = await openPair({
      lose: ({ data }) => isCut || decodeKind(data) === "end",
      loseNear: () => isCut,
    });
    const first = await pair.open();
    first.far.end();
    await expect(readAll(first.near)).rejects.toMatchObject({ code: "exchange_lost" });

    const second = await pair.open();
    isCut = true;
    await expect(second.near.next()).rejects.toMatchObject({ code: "exchange_lost" });
    await expect(second.far.next()).rejects.toMatchObject({ code: "exchange_lost" });
    await settle();
    expect([pair.client.size(), pair.served.size()]).toEqual([0, 0]);
  });

  it("live on while nothing happens and the other side is there", async () => {
    await using pair = await openPair();
    const { near, far } = await pair.open();
    await pair.rolled(20);
    await far.write(bytes(10));
    expect((await near.next()).kind).toBe("data");
  });
});

describe("exchanges of a deployment with a key", () => {
  const KEY = new Uint8Array(32).fill(1);
  const OTHER = new Uint8Array(32).fill(2);

  it("show nobody on the bus what they carry", async () => {
    await using pair = await openPair({ keys: [KEY, KEY] });
    const { near, far } = await pair.open();
    await far.write(new TextEncoder().encode("a secret answer"));
    await near.next();
    expect(pair.passing.length).toBeGreaterThan(0);
    for (const { data } of pair.passing) {
      expect(Buffer.from(data).includes("a secret answer")).toBe(false);
    }
  });

  it.each([[[KEY, OTHER]], [[undefined, KEY]], [[KEY, undefined]]])(
    "do not open for an edge with another key",
    async (keys) => {
      await using pair = await openPair({
        keys: keys as [Uint8Array | undefined, Uint8Array | undefined],
      });
      await expect(pair.client.open("web", REQUEST)).rejects.toMatchObject({
        code: "sealed_unreadable",
      });
      expect([pair.client.size(), pair.served.size()]).toEqual([0, 0]);
    },
  );
});

describe("an edge's exchanges", () => {
  it("are bounded, and the next is told to come back", async () => {
    await using pair = await openPair({ maxExchanges: 2 });
    const { near } = await pair.open();
    await pair.open();
    await expect(pair.client.open("web", REQUEST)).rejects.toMatchObject({ code: "microapp_busy" });
    near.cancel("exchange_lost");
    await pair.open();
  });
});

describe("a replay guard", () => {
  it("takes each number of a sender once, near the highest in any order", () => {
    const isNew = createReplayGuard();
    expect([3, 1, 2, 3, 1].map((number) => isNew("a", number))).toEqual([
      true,
      true,
      true,
      false,
      false,
    ]);
    expect(isNew("b", 3)).toBe(true);
    const next = Array.from({ length: 10_000 }, (_, i) => i + 4);
    expect(next.every((number) => isNew("a", number))).toBe(true);
    expect(isNew("a", 0)).toBe(false);
    expect(isNew("a", 9_999)).toBe(false);
  });
});

function decodeKind(wrapped: Uint8Array): string | undefined {
  try {
    return decodeFrame(wrapped.subarray(1)).frame.kind;
  } catch {
    return undefined;
  }
}
