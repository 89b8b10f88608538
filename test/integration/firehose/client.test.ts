import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { AgentEvent } from "../../../core/contract/mod.ts";
import {
  type FirehoseOptions,
  type FirehoseState,
  openFirehose,
} from "../../../edge/client/mod.ts";
import type { WakeTarget } from "../../../edge/client/waking.ts";
import { noted, openPlace, type Place } from "./support.ts";

interface Seen {
  readonly numbers: number[];
  readonly gaps: { from: string; to: string }[];
  readonly states: FirehoseState[];
  readonly options: Pick<FirehoseOptions, "onEvent" | "onGap" | "onState" | "WebSocket">;
  /** Resolves when `done` holds. */
  until(done: () => boolean): Promise<void>;
}

function watch(): Seen {
  const watchers = new Set<() => void>();
  const look = (): void => watchers.forEach((watcher) => watcher());
  const seen: Seen = {
    numbers: [],
    gaps: [],
    states: [],
    options: {
      WebSocket: WebSocket,
      onEvent(event: AgentEvent) {
        if (event.kind === "tool_called") seen.numbers.push(Number(event.call_id));
        look();
      },
      onGap(gap) {
        seen.gaps.push(gap);
        look();
      },
      onState(state) {
        seen.states.push(state);
        look();
      },
    },
    until: (done) =>
      new Promise((resolve) => {
        const watcher = (): void => {
          if (!done()) return;
          watchers.delete(watcher);
          resolve();
        };
        watchers.add(watcher);
        watcher();
      }),
  };
  return seen;
}

/** A cable between client and edge that can be cut. */
async function openCable(
  to: () => string,
): Promise<AsyncDisposable & { url: string; cut(): void }> {
  const ends = new Set<Socket>();
  const server: Server = createServer((near) => {
    const far = new (near.constructor as new () => Socket)();
    const { hostname, port } = new URL(to());
    far.connect(Number(port), hostname);
    for (const end of [near, far]) {
      ends.add(end);
      end.on("error", () => undefined).on("close", () => {
        ends.delete(end);
        near.destroy();
        far.destroy();
      });
    }
    near.pipe(far).pipe(near);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const cut = (): void => ends.forEach((end) => end.destroy());
  return {
    url: `http://127.0.0.1:${typeof address === "object" ? address?.port : 0}`,
    cut,
    async [Symbol.asyncDispose]() {
      cut();
      server.close();
      await once(server, "close");
    },
  };
}

/** Puts one event and gives its cursor. */
async function oneEvent(
  place: Place,
  token: string,
  n: number,
  since?: string,
): Promise<string> {
  const seen = watch();
  const client = openFirehose({
    url: place.url("/"),
    token: () => token,
    ...(since === undefined ? {} : { since }),
    ...seen.options,
  });
  await seen.until(() => client.state().kind === "open");
  await place.core().put("acme", noted("ana", n));
  await seen.until(() => seen.numbers.includes(n));
  client.close();
  return client.cursor() ?? "";
}

describe("openFirehose", () => {
  it("says who else has a conversation open, of its own tenant, until they go or may no longer", async () => {
    await using place = await openPlace();
    const tokenOf = (subject: string, accountId: string) => place.token({ subject, accountId });
    const bosToken = await tokenOf("bo", "acme");
    const seen = new Map<string, readonly string[]>();
    const one = watch();
    const open = (subject: string, token: string) =>
      openFirehose({
        url: place.url("/"),
        token: () => token,
        filters: { conversation: "s-1" },
        ...one.options,
        onPresence({ conversation, watchers }) {
          seen.set(`${subject} ${conversation}`, watchers);
          one.options.onState?.({ kind: "open" });
        },
      });
    const sees = (subject: string, ...watchers: string[]) =>
      one.until(() => seen.get(`${subject} s-1`)?.join() === watchers.join());
    const clients = [open("ana", await tokenOf("ana", "acme"))];
    await sees("ana", "ana");
    clients.push(open("eve", await tokenOf("eve", "globex")), open("bo", bosToken));
    await sees("eve", "eve");
    await sees("bo", "ana", "bo");
    await sees("ana", "ana", "bo");
    expect(seen.get("eve s-1")).toEqual(["eve"]);
    place.pushRevoked(bosToken);
    await sees("ana", "ana");
    for (const client of clients) client.close();
  });

  it("gives every event once and in order, however often the connection breaks", async () => {
    await using place = await openPlace();
    await using cable = await openCable(() => place.edge().url);
    const token = await place.token({ accountId: "acme" });
    const seen = watch();
    const client = openFirehose({
      url: cable.url,
      token: () => Promise.resolve(token),
      filters: { agent_id: ["ana"], kind: "tool_called" },
      ...seen.options,
    });
    await seen.until(() => client.state().kind === "open");
    let n = 0;
    for (let round = 0; round < 4; round++) {
      for (let i = 0; i < 20; i++) {
        await place.core().put("acme", noted("ana", n++), noted("bob", 1000));
        if (i === 10) cable.cut();
      }
      await seen.until(() => seen.numbers.length === n);
    }
    expect(seen.numbers).toEqual(Array.from({ length: n }, (_, i) => i));
    expect(seen.gaps).toEqual([]);
    const kinds = seen.states.map(({ kind }) => kind);
    expect(kinds.slice(0, 5)).toEqual(["connecting", "open", "waiting", "connecting", "open"]);
    client.close();
    expect(client.state().kind).toBe("closed");
  });

  it("resumes a later visit from its cursor, and passes gaps on", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const first = watch();
    const visit = openFirehose({ url: place.url("/"), token: () => token, ...first.options });
    await first.until(() => visit.state().kind === "open");
    await place.core().put("acme", noted("ana", 1));
    await first.until(() => first.numbers.length === 1);
    const since = visit.cursor() ?? "";
    visit.close();
    await place.core().put("acme", noted("ana", 2));
    await place.core().put("acme", noted("ana", 3));
    await place.core().retain(1);
    const second = watch();
    const next = openFirehose({
      url: place.url("/firehose"),
      token: () => token,
      since,
      ...second.options,
    });
    await second.until(() => second.numbers.length === 1);
    expect(second.numbers).toEqual([3]);
    expect(second.gaps.map(({ from }) => from)).toEqual([since]);
    next.close();
  });

  it("tells at once what happens, and behind it what was missed: all of it once, each in order", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const cursorBefore = await oneEvent(place, token, 0);
    // Some of it is gone, most of it takes many pages, and half of it is filtered out.
    for (let n = 1; n <= 3_000; n += 100) {
      await place.core().put(
        "acme",
        ...Array.from({ length: 100 }, (_, i) => noted(i % 2 === 0 ? "ana" : "bob", n + i)),
      );
    }
    const seen = watch();
    const late: number[] = [];
    const live: number[] = [];
    let lateAtFirstLive: number | undefined;
    let sockets = 0;
    class Counted extends WebSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets++;
        this.on("close", () => sockets--);
        // What is fetched behind waits for what happens meanwhile, so that nobody can mistake the order.
        if (url.includes("since=")) {
          const { pause, resume } = this;
          this.on("open", () => {
            pause.call(this);
            void seen.until(() => live.length === 2).then(() => resume.call(this));
          });
        }
      }
    }
    const client = openFirehose({
      url: place.url("/"),
      token: () => token,
      filters: { agent_id: "ana" },
      since: cursorBefore,
      catchUp: "behind",
      ...seen.options,
      WebSocket: Counted,
      onEvent(event, cursor, about) {
        const n = event.kind === "tool_called" ? Number(event.call_id) : NaN;
        (about.isLate ? late : live).push(n);
        if (!about.isLate) lateAtFirstLive ??= late.length;
        seen.options.onEvent(event, cursor, about);
      },
    });
    await seen.until(() => client.state().kind === "open");
    expect(client.cursor()).toBe(cursorBefore);
    await place.core().put("acme", noted("ana", 9_001), noted("bob", 9_002), noted("ana", 9_003));
    await seen.until(() => late.length === 1_500);
    expect(lateAtFirstLive).toBe(0);
    expect(live).toEqual([9_001, 9_003]);
    expect(late).toEqual(Array.from({ length: 1_500 }, (_, i) => 1 + 2 * i));
    expect(seen.gaps).toEqual([]);

    // Both have an event in common by now: one connection is enough, and its cursor the place to resume.
    await place.core().put("acme", noted("ana", 9_004));
    await seen.until(() => live.length === 3);
    expect(await oneEvent(place, token, 9_005, client.cursor())).not.toBe(cursorBefore);
    await seen.until(() => live.length === 4);
    await expect.poll(() => sockets).toBe(1);
    expect(late).toHaveLength(1_500);
    client.close();
  });

  it("fills one hole after another when it loses the edge before it has caught up", async () => {
    await using place = await openPlace();
    await using cable = await openCable(() => place.edge().url);
    const token = await place.token({ accountId: "acme" });
    const since = await oneEvent(place, token, 0);
    const seen = watch();
    let n = 1;
    const put = async (count: number): Promise<void> => {
      const some = Array.from({ length: count }, () => noted("ana", n++));
      await place.core().put("acme", ...some);
    };
    await put(50);
    const client = openFirehose({
      url: cable.url,
      token: () => token,
      since,
      catchUp: "behind",
      ...seen.options,
    });
    for (let round = 0; round < 4; round++) {
      await seen.until(() => client.state().kind === "open");
      await put(3);
      cable.cut();
      await put(20);
      await seen.until(() => client.state().kind !== "open");
    }
    await seen.until(() => client.state().kind === "open");
    await put(1);
    await seen.until(() => seen.numbers.length >= n - 1);
    expect(seen.numbers.toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: n - 1 }, (_, i) => i + 1),
    );
    expect(seen.gaps).toEqual([]);
    client.close();
  });

  it("asks for a new token when the old one is refused", async () => {
    await using place = await openPlace();
    const [old, fresh] = [
      await place.token({ accountId: "acme" }),
      await place.token({ accountId: "acme" }),
    ];
    const seen = watch();
    const tokens = [old, fresh];
    const client = openFirehose({
      url: place.url("/"),
      token: () => tokens.shift() ?? fresh,
      ...seen.options,
    });
    await seen.until(() => client.state().kind === "open");
    place.pushRevoked(old);
    await seen.until(() => client.state().kind === "waiting");
    expect(client.state()).toMatchObject({
      reason: "token_invalid: The token is no longer accepted",
    });
    await seen.until(() => client.state().kind === "open");
    client.close();
  });

  it("catches up at once when the page wakes, without waiting for its timer", async () => {
    const listeners = new Map<string, () => void>();
    const wakeTarget: WakeTarget = {
      addEventListener: (type, listener) => void listeners.set(type, listener),
      removeEventListener: (type) => void listeners.delete(type),
    };
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    let isOnline = false;
    const seen = watch();
    const client = openFirehose({
      url: place.url("/"),
      token: () => isOnline ? token : Promise.reject(new Error("offline")),
      wakeTarget,
      ...seen.options,
    });
    // Far enough for pauses that no test would sit out.
    await seen.until(() => client.state().kind === "waiting");
    isOnline = true;
    listeners.get("online")?.();
    await seen.until(() => client.state().kind === "open");
    expect(seen.states.map(({ kind }) => kind)).toEqual([
      "connecting",
      "waiting",
      "connecting",
      "open",
    ]);
    client.close();
    expect(listeners.size).toBe(0);
  });

  it("is closed for good, also from its own callbacks", async () => {
    await using place = await openPlace();
    const token = await place.token({ accountId: "acme" });
    const seen = watch();
    const client = openFirehose({
      url: place.url("/"),
      token: () => token,
      ...seen.options,
      onEvent(event, cursor, about) {
        client.close();
        seen.options.onEvent(event, cursor, about);
      },
    });
    await seen.until(() => client.state().kind === "open");
    await place.core().put("acme", noted("ana", 1), noted("ana", 2));
    await seen.until(() => seen.numbers.length > 0);
    await place.restartEdge();
    expect(seen.numbers).toEqual([1]);
    expect(seen.states.at(-1)).toEqual({ kind: "closed" });
  });
});
