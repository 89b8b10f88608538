import { createServer, type Server, type Socket } from "node:net";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import type { AgentEvent } from "../../../core/contract/mod.ts";
import {
  type FirehoseOptions,
  type FirehoseState,
  openFirehose,
  type WebSocketConstructor,
} from "../../../edge/client/mod.ts";
import type { WakeTarget } from "../../../edge/client/waking.ts";
import { noted, openPlace } from "./support.ts";

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
      WebSocket: WebSocket as unknown as WebSocketConstructor,
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

describe("openFirehose", () => {
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
      onEvent(event, cursor) {
        client.close();
        seen.options.onEvent(event, cursor);
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
