import { describe, expect, it } from "vitest";
import type { Channel, SendResult } from "../../../../core/channels/channel.ts";
import { textOfBody } from "../../../../core/contract/mod.ts";
import type { Refusal } from "../../../../core/delivery/attempt.ts";
import { type DeliveryDeps, openDelivery } from "../../../../core/delivery/delivery.ts";
import type { Outbound } from "../../../../core/queues/outbound.ts";
import { statement } from "../../../../core/store/store.ts";
import { eventually, outboxStates } from "../../../support/deliveries.ts";
import { outboundOf } from "../../../support/rows.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine } from "../../../support/spine.ts";

const SENT: SendResult = { kind: "sent", receipt: null };
const AGENTS = "agents:\n  - { id: ana, model: { provider: offline, model: rules } }\n";

const SUSPENDED: Refusal = {
  code: "account_suspended",
  reason: "tenant suspended",
  later: false,
};

async function open(
  send: (outbound: Outbound) => SendResult,
  { channel: more, ...over }: Partial<DeliveryDeps> & { channel?: Partial<Channel> } = {},
) {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings);
  const tried: string[] = [];
  const channel: Channel = {
    id: "test",
    repeats: true,
    sends: new Set(["text"]),
    send(message) {
      tried.push(textOfBody(message.body));
      return Promise.resolve(send(message));
    },
    ...more,
  };
  const delivery = openDelivery({
    ...spine,
    channels: new Map([["test", channel]]),
    fences: [],
    eventRows: spine.rows.events,
    onSent: () => {},
    ...over,
  });
  return {
    spine,
    tried,
    delivery,
    /** Queues messages and waits until none of them is under way any more. */
    async sendAll(...messages: Outbound[]): Promise<void> {
      await this.queue(...messages);
      await eventually(async () => expect(await spine.outbox.openForOperator()).toEqual([]));
    },
    async queue(...messages: Outbound[]): Promise<void> {
      const queued = messages.map((message) => spine.outbox.queue(message, Date.now()));
      await spine.store.commit(queued.flatMap(({ writes }) => writes));
      delivery.push(queued.flatMap(({ items }) => items));
    },
    events: async () =>
      (await spine.events.list({ account: "acme", limit: 50 })).events
        .map(({ body }) => JSON.parse(body) as { kind: string }).reverse(),
    states: () => outboxStates(spine.store),
    async [Symbol.asyncDispose]() {
      await delivery[Symbol.asyncDispose]();
      await spine[Symbol.asyncDispose]();
    },
  };
}

describe("openDelivery()", () => {
  it("sends a conversation's messages in order and marks each once", async () => {
    const heard: string[] = [];
    await using opened = await open(() => ({ kind: "sent", receipt: "r" }), {
      onSent: ({ body }) => void heard.push(textOfBody(body)),
    });
    await opened.sendAll(outboundOf("1"), outboundOf("2"), outboundOf("3"));
    expect(opened.tried).toEqual(["1", "2", "3"]);
    expect(heard).toEqual(["1", "2", "3"]);
    expect(await opened.states()).toEqual(["sent", "sent", "sent"]);
  });

  it("tries again what may pass, before anything later of the conversation", async () => {
    let failures = 1;
    await using opened = await open(() =>
      failures-- > 0
        ? { kind: "retry", reason: "busy", afterMs: 1 }
        : { kind: "sent", receipt: null }
    );
    await opened.sendAll(outboundOf("1"), outboundOf("2"));
    expect(opened.tried).toEqual(["1", "1", "2"]);
  });

  it.each([
    [
      "what the provider refuses for good",
      {},
      { kind: "permanent", reason: "no such chat" } as const,
      "outbound_failed",
    ],
    ["what waited too long", { expires_at_ms: 1 }, SENT, "outbound_expired"],
    ["what has no channel", { channel: "gone" }, SENT, "outbound_failed"],
    [
      "what its channel cannot send",
      { body: { kind: "typing", to: null, reply_to_msg_id: null } as const },
      SENT,
      "outbound_failed",
    ],
  ])("makes a dead letter of %s and goes on", async (_what, over, result, code) => {
    await using opened = await open(({ body }) =>
      textOfBody(body) === "1" ? result : { kind: "sent", receipt: null }
    );
    await opened.sendAll(outboundOf("1", over), outboundOf("2"));
    expect(await opened.states()).toEqual(["dead", "sent"]);
    expect(await opened.spine.deadLetters.listForOperator({ limit: 5 })).toMatchObject([
      { kind: "outbox", code },
    ]);
    expect(await opened.events()).toMatchObject([
      { kind: "outbound_failed", outbound_id: expect.any(String) as string },
      { kind: "outbound_sent", attempts: 1 },
    ]);
  });

  it("asks the fence right before each send", async () => {
    let suspended = false;
    await using opened = await open(() => {
      suspended = true;
      return { kind: "sent", receipt: null };
    }, { fences: [() => undefined, () => suspended ? SUSPENDED : undefined] });
    await opened.sendAll(outboundOf("1"), outboundOf("2"));
    expect(opened.tried).toEqual(["1"]);
    expect(await opened.states()).toEqual(["sent", "dead"]);
  });

  it("does not send again what its row says was sent", async () => {
    await using opened = await open(() => ({ kind: "sent", receipt: null }));
    const message = outboundOf("once");
    const { writes, items } = opened.spine.outbox.queue(message, Date.now());
    await opened.spine.store.commit(writes);
    opened.delivery.push(items);
    opened.delivery.push(items);
    await opened.delivery.drain(new AbortController().signal);
    expect(opened.tried).toEqual(["once"]);
  });

  it("waits for a channel that cannot send, counts no attempt, and goes on when there is news", async () => {
    let ready = false;
    let asked = 0;
    await using opened = await open(() => SENT, {
      channel: {
        ready() {
          asked++;
          const reason = "no token";
          return Promise.resolve(ready ? undefined : { kind: "not_ready", reason });
        },
      },
    });
    await opened.queue(outboundOf("1"));
    await eventually(() => expect(asked).toBe(1));
    ready = true;
    await eventually(async () => {
      opened.delivery.wake();
      expect(await opened.states()).toEqual(["sent"]);
    });
    expect(await opened.events()).toMatchObject([{ kind: "outbound_sent", attempts: 1 }]);
  });

  it("lets other conversations go on while one rests, and the instance rest when that is asked", async () => {
    let limits = 0;
    await using opened = await open(({ session_id }) => {
      if (session_id !== "slow" || limits++ > 0) return SENT;
      return { kind: "limited", reason: "slow down", afterMs: 60, wide: false };
    });
    await opened.sendAll(outboundOf("1", { session_id: "slow" }), outboundOf("2"));
    expect(opened.tried).toEqual(["1", "2", "1"]);

    limits = 0;
    await using wide = await open(() =>
      limits++ === 0 ? { kind: "limited", reason: "slow down", afterMs: 60, wide: true } : SENT
    );
    await wide.queue(outboundOf("1", { session_id: "a" }));
    await eventually(() => expect(wide.tried).toEqual(["1"]));
    await wide.sendAll(outboundOf("2", { session_id: "b" }));
    expect(wide.tried).toHaveLength(3);
    expect(await wide.events()).toMatchObject([{ attempts: 1 }, { attempts: 1 }]);
  });

  it("never sends a second time what a killed process may have sent, unless that is harmless", async () => {
    for (const repeats of [false, true]) {
      await using opened = await open(() => SENT, { channel: { repeats } });
      const { outbox, store } = opened.spine;
      const killed = outboundOf("1");
      await store.commit(outbox.queue(killed, Date.now()).writes);
      await store.commit(outbox.rowsForTrying("acme", killed.id, Date.now()));
      opened.delivery.push(await outbox.openForOperator());
      await opened.sendAll(outboundOf("2"));
      expect(opened.tried).toEqual(repeats ? ["1", "2"] : ["2"]);
      const letters = await opened.spine.deadLetters.listForOperator({ limit: 5 });
      expect(letters.map(({ code }) => code)).toEqual(repeats ? [] : ["outbound_uncertain"]);
    }
  });

  it("waits for a receipt from when core is back, however long it was down", async () => {
    await using opened = await open(() => SENT, { channel: { repeats: false, confirms: true } });
    const { outbox, store } = opened.spine;
    const killed = outboundOf("1");
    const { writes } = outbox.queue(killed, Date.now());
    await store.commit([
      ...writes,
      ...outbox.rowsForTrying("acme", killed.id, Date.now() - 50_000),
    ]);
    opened.delivery.push(await outbox.openForOperator());
    await opened.queue(outboundOf("2"));
    await opened.delivery.underWay("acme").settled;
    await store.commit(outbox.rowsForConfirmed("acme", killed.id, "wamid.1", Date.now()));
    opened.delivery.wake("acme");
    await eventually(async () => expect(await opened.states()).toEqual(["sent", "sent"]));
    expect(opened.tried).toEqual(["2"]);
    expect(await opened.spine.deadLetters.listForOperator({ limit: 5 })).toEqual([]);
  });

  it.each(
    [
      ["a receipt that comes before the provider's answer", { kind: "sent", receipt: "r" }],
      ["a receipt of what seems to have failed", { kind: "retry", reason: "reset" }],
    ] satisfies [string, SendResult][],
  )("goes on with the conversation after %s", async (_what, end) => {
    await using opened = await open(() => SENT, {
      channel: {
        repeats: false,
        confirms: true,
        async send({ account_id, id, body }) {
          opened.tried.push(textOfBody(body));
          if (textOfBody(body) !== "1") return SENT;
          const { outbox, store } = opened.spine;
          await store.commit(outbox.rowsForConfirmed(account_id, id, "r", Date.now()));
          return end;
        },
      },
    });
    await opened.sendAll(outboundOf("1"), outboundOf("2"));
    await eventually(() => expect(opened.tried).toEqual(["1", "2"]));
    expect(await opened.states()).toEqual(["sent", "sent"]);
  });

  it("goes on with what follows when a message is erased while it is sent", async () => {
    await using opened = await open(() => SENT, {
      channel: {
        async send({ id, body }) {
          opened.tried.push(textOfBody(body));
          if (textOfBody(body) === "1") {
            await opened.spine.store.commit([statement("DELETE FROM outbox WHERE id = ?", [id])]);
          }
          return SENT;
        },
      },
    });
    await opened.queue(outboundOf("1"), outboundOf("2"));
    await eventually(async () => expect(await opened.states()).toEqual(["sent"]));
    expect(opened.tried).toEqual(["1", "2"]);
    expect((await opened.events()).map(({ kind }) => kind)).toEqual(["outbound_sent"]);
  });

  it("says that it tries before it does, where a repetition would be seen", async () => {
    const marks: unknown[] = [];
    await using opened = await open(() => SENT, {
      channel: {
        repeats: false,
        async send({ account_id, id }) {
          marks.push((await opened.spine.outbox.find(account_id, id))?.unsureSinceMs);
          return marks.length === 1 ? { kind: "retry", reason: "busy", afterMs: 1 } : SENT;
        },
      },
    });
    await opened.sendAll(outboundOf("1"));
    expect(marks).toEqual([expect.any(Number), expect.any(Number)]);
  });

  it("gives up a send that gets no answer when it stops, and leaves its message on disk", async () => {
    let asked = (): void => {};
    const isAsked = new Promise<void>((resolve) => (asked = resolve));
    await using opened = await open(() => SENT, {
      channel: {
        send: (_message, { signal }) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(signal.reason as Error));
            asked();
          }),
      },
    });
    await opened.queue(outboundOf("1"));
    await isAsked;
    await opened.delivery[Symbol.asyncDispose]();
    expect(await opened.states()).toEqual(["queued"]);
  });

  it("stops waiting when it drains, and leaves what waited on disk", async () => {
    await using opened = await open(() => ({ kind: "retry", reason: "down", afterMs: 3_600_000 }));
    await opened.queue(outboundOf("1"), outboundOf("2"));
    await eventually(async () =>
      expect((await opened.spine.outbox.openForOperator())[0]?.next_at_ms)
        .toBeGreaterThan(Date.now() + 1_000_000)
    );
    await opened.delivery.drain(new AbortController().signal);
    expect(opened.tried).toEqual(["1"]);
    expect(await opened.states()).toEqual(["queued", "queued"]);
  });
});
