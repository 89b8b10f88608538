/**
 * Messages that leave with a commit of whoever wrote them, on a channel that delivers by its rows.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import type { Channel } from "../../../../core/channels/channel.ts";
import { textOfBody } from "../../../../core/contract/mod.ts";
import type { Refusal } from "../../../../core/delivery/attempt.ts";
import { type DeliveryDeps, openDelivery } from "../../../../core/delivery/delivery.ts";
import type { Outbound } from "../../../../core/queues/outbound.ts";
import { createOutbox } from "../../../../core/queues/outbox.ts";
import { insert } from "../../../../core/store/store.ts";
import { eventually, outboxStates } from "../../../support/deliveries.ts";
import { outboundOf } from "../../../support/rows.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine } from "../../../support/spine.ts";

const AGENTS = "agents:\n  - { id: ana, model: { provider: offline, model: rules } }\n";
const HELD: Refusal = { code: "account_suspended", reason: "tenant suspended", later: true };
const DEAD: Refusal = { code: "outbound_failed", reason: "not on the list", later: false };

async function open(
  { byRows = true, textLimit = 1_000, ...over }: Partial<DeliveryDeps> & {
    byRows?: boolean;
    textLimit?: number;
  } = {},
) {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings);
  const { store, sealer } = spine;
  const outbox = createOutbox({ store, sealer, textLimitOf: () => textLimit });
  /** What the channel was asked to send, and what was told as sent. */
  const asked: string[] = [];
  const told: string[] = [];
  const channel: Channel = {
    id: "test",
    repeats: true,
    sends: new Set(["text"]),
    rowsForSent: spine.chatLog.rowsForSent,
    ...(byRows ? { deliverByRows: ({ id }) => `receipt of ${id}` } : {}),
    send({ id, body }) {
      asked.push(textOfBody(body));
      return Promise.resolve({ kind: "sent", receipt: `receipt of ${id}` });
    },
  };
  const delivery = openDelivery({
    ...spine,
    outbox,
    channels: new Map([["test", channel]]),
    fences: [],
    eventRows: spine.rows.events,
    onSent: ({ body }) => void told.push(textOfBody(body)),
    ...over,
  });
  return {
    spine,
    outbox,
    delivery,
    asked,
    told,
    /** Lets a message leave with a commit of ours. */
    async leave(message: Outbound): Promise<void> {
      const { writes, goWith } = delivery.depart(message, Date.now());
      await goWith(() => store.commit(writes));
    },
    async queue(message: Outbound): Promise<void> {
      const { writes, items } = outbox.queue(message, Date.now());
      await store.commit(writes);
      delivery.push(items);
    },
    states: () => outboxStates(store),
    /** What its reader reads, in order. */
    async read(sessionId = "s") {
      const query = { account: "acme", sessionId, after: undefined, own: true, newest: false };
      return (await spine.chatLog.read(query)).messages.map(({ text }) => text);
    },
    async [Symbol.asyncDispose]() {
      await delivery[Symbol.asyncDispose]();
      await spine[Symbol.asyncDispose]();
    },
  };
}

describe("a message on a channel that delivers by its rows", () => {
  it("is sent by the commit it leaves with, and leaves what a send leaves", async () => {
    await using opened = await open();
    const { store, events } = opened.spine;
    const [short, long] = [outboundOf("the same"), outboundOf("the same", { session_id: "t" })];
    await opened.leave(short);
    expect(opened.told).toEqual(["the same"]);
    expect(await opened.read()).toEqual(["the same"]);
    await opened.queue(long);
    await eventually(() => expect(opened.told).toHaveLength(2));
    expect(opened.asked).toEqual(["the same"]);

    const [one, other] = await store.read("SELECT * FROM outbox ORDER BY rowid");
    const own = ["id", "turn_id", "session_id", "receipt", "sealed", "expires_at_ms"];
    const times = ["next_at_ms", "created_at_ms", "sent_at_ms"];
    for (const name of Object.keys(other ?? {})) {
      if (times.includes(name)) expect(one?.[name], name).toBeGreaterThan(0);
      else if (!own.includes(name)) expect(one?.[name], name).toEqual(other?.[name]);
    }
    expect(one).toMatchObject({ state: "sent", attempts: 1, receipt: `receipt of ${short.id}` });
    expect(await opened.outbox.lastAddress("acme", "s")).toBeNull();
    const bodies = (await events.list({ account: "acme", after: 0 })).events
      .map(({ body }) => JSON.parse(body) as Record<string, unknown>);
    const time = expect.any(Number) as number;
    expect(bodies.map((body) => ({ ...body, at_ms: time }))).toEqual(
      [short, long].map(({ id, session_id, turn_id }) => ({
        kind: "outbound_sent",
        tenant_id: "acme",
        agent_id: "ana",
        session_id,
        outbound_id: id,
        channel: "test",
        instance: "acme",
        turn_id,
        msg_id: `receipt of ${id}`,
        attempts: 1,
        at_ms: time,
      })),
    );
  });

  it("goes behind what waits in its conversation, and not behind what waits elsewhere", async () => {
    let holds = true;
    await using opened = await open({
      fences: [({ body }) => holds && textOfBody(body).includes("wait") ? HELD : undefined],
    });
    await opened.queue(outboundOf("waits"));
    await opened.leave(outboundOf("behind"));
    await opened.leave(outboundOf("elsewhere", { session_id: "t" }));
    await opened.leave(outboundOf("of another tenant", { account_id: "globex" }));
    expect(opened.told).toEqual(["elsewhere", "of another tenant"]);
    expect(await opened.states()).toEqual(["queued", "queued", "sent", "sent"]);
    holds = false;
    await eventually(() => {
      opened.delivery.wake();
      expect(opened.told.slice(2)).toEqual(["waits", "behind"]);
    });
    expect(await opened.read()).toEqual(["waits", "behind"]);
    await opened.delivery.drain(new AbortController().signal);
    await opened.leave(outboundOf("after"));
    expect(opened.told.at(-1)).toBe("after");
    expect(opened.asked).not.toContain("after");
  });

  it("is queued where a fence holds it, and goes once that lets it", async () => {
    let holds = true;
    await using opened = await open({ fences: [() => undefined, () => holds ? HELD : undefined] });
    await opened.leave(outboundOf("1"));
    expect(await opened.states()).toEqual(["queued"]);
    expect(await opened.read()).toEqual([]);
    holds = false;
    await eventually(() => {
      opened.delivery.wake();
      expect(opened.told).toEqual(["1"]);
    });
    expect(opened.asked).toEqual(["1"]);
  });

  it.each([
    ["a fence refuses", {}, "outbound_failed"],
    ["its time is over", { expires_at_ms: 1 }, "outbound_expired"],
    [
      "its channel cannot send it",
      { body: { kind: "media", url: "https://x.test/", caption: "refused", to: null } },
      "outbound_failed",
    ],
  ])("is a dead letter where %s", async (_what, over, code) => {
    await using opened = await open({
      fences: [({ body }) => textOfBody(body) === "refused" ? DEAD : undefined],
    });
    await opened.leave(outboundOf("refused", over as Partial<Outbound>));
    await eventually(async () => expect(await opened.states()).toEqual(["dead"]));
    expect(await opened.spine.deadLetters.listForOperator({ limit: 5 })).toMatchObject([{ code }]);
    expect([...opened.told, ...opened.asked, ...await opened.read()]).toEqual([]);
  });

  it("goes in pieces, all of them or none, in order", async () => {
    let stopped = "";
    await using opened = await open({
      textLimit: 4,
      fences: [({ body }) => textOfBody(body) === stopped ? HELD : undefined],
    });
    await opened.leave(outboundOf("one\ntwo\nsix"));
    expect(await opened.read()).toEqual(["one", "two", "six"]);
    expect(opened.told).toEqual(["one", "two", "six"]);
    expect(opened.asked).toEqual([]);

    stopped = "six";
    await opened.leave(outboundOf("one\ntwo\nsix", { session_id: "t" }));
    await eventually(async () => expect(await opened.read("t")).toEqual(["one", "two"]));
    expect(opened.asked).toEqual(["one", "two"]);
    expect((await opened.states()).at(-1)).toBe("queued");
  });

  it("is under way until its commit is settled, however that ends", async () => {
    await using opened = await open();
    for (const fails of [false, true]) {
      const message = outboundOf("1");
      const { writes, goWith } = opened.delivery.depart(message, Date.now());
      let go = (): void => {};
      const held = new Promise<void>((resolve) => (go = resolve));
      const left = goWith(async () => {
        await held;
        if (fails) throw new Error("the disk is full");
        await opened.spine.store.commit(writes);
      });
      const { ids, settled } = opened.delivery.underWay("acme");
      expect([...ids]).toEqual([message.id]);
      expect([...opened.delivery.underWay("globex").ids]).toEqual([]);
      let isSettled = false;
      const waiting = settled.then(() => (isSettled = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(isSettled).toBe(false);
      go();
      await (fails ? expect(left).rejects.toThrow("full") : left);
      await waiting;
      expect([...opened.delivery.underWay("acme").ids]).toEqual([]);
    }
    expect(opened.told).toEqual(["1"]);
  });

  it("was never there when its commit fails, and can leave again", async () => {
    await using opened = await open();
    const { store } = opened.spine;
    const message = outboundOf("1");
    const { writes, goWith } = opened.delivery.depart(message, Date.now());
    const broken = insert("outbox", { id: message.id });
    await expect(goWith(() => store.commit([...writes, broken]))).rejects.toMatchObject({
      code: "conflict",
    });
    expect([...opened.told, ...await opened.states(), ...await opened.read()]).toEqual([]);
    expect(await opened.outbox.find("acme", message.id)).toBeUndefined();
    await opened.leave(message);
    await expect(opened.leave(message)).rejects.toMatchObject({ code: "conflict" });
    expect(opened.told).toEqual(["1"]);
    expect(await opened.read()).toEqual(["1"]);
  });

  it("is sent, whatever whoever is told of it does", async () => {
    await using opened = await open({
      onSent: () => {
        throw new Error("the bus is closed");
      },
    });
    await opened.leave(outboundOf("1"));
    await opened.queue(outboundOf("2"));
    await eventually(async () => expect(await opened.states()).toEqual(["sent", "sent"]));
    expect(await opened.read()).toEqual(["1", "2"]);
  });
});

describe("a message on any other channel", () => {
  it("is queued in the commit it leaves with, and sent then", async () => {
    await using opened = await open({ byRows: false });
    const { writes, goWith } = opened.delivery.depart(outboundOf("1"), Date.now());
    await goWith(async () => {
      await opened.spine.store.commit(writes);
      expect(await opened.states()).toEqual(["queued"]);
      expect(opened.asked).toEqual([]);
    });
    await eventually(() => expect(opened.told).toEqual(["1"]));
    expect(opened.asked).toEqual(["1"]);
  });
});
