import { describe, expect, it } from "vitest";
import type { Channel, SendResult } from "../../../../core/channels/channel.ts";
import { textOfBody } from "../../../../core/contract/mod.ts";
import {
  type DeliveryDeps,
  openDelivery,
  type Refusal,
} from "../../../../core/delivery/delivery.ts";
import type { Outbound } from "../../../../core/queues/outbox.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, uuid } from "../../../support/spine.ts";

const AGENTS = "agents:\n  - { id: ana, model: { provider: offline, model: rules } }\n";

const SUSPENDED: Refusal = {
  code: "account_suspended",
  reason: "tenant suspended",
  later: false,
  writes: [],
};

function outbound(text: string, over: Partial<Outbound> = {}): Outbound {
  return {
    id: uuid(),
    account_id: "acme",
    agent_id: "ana",
    session_id: "s",
    channel: "test",
    instance: "acme",
    contact: "c",
    turn_id: null,
    body: { kind: "text", text, to: null, reply_to_msg_id: null },
    expires_at_ms: Date.now() + 60_000,
    ...over,
  };
}

async function open(
  send: (outbound: Outbound) => SendResult,
  over: Partial<DeliveryDeps> = {},
) {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings);
  const tried: string[] = [];
  const channel: Channel = {
    id: "test",
    textLimit: 4096,
    sends: new Set(["text"]),
    send(message) {
      tried.push(textOfBody(message.body));
      return Promise.resolve(send(message));
    },
  };
  const delivery = openDelivery({
    ...spine,
    channels: new Map([["test", channel]]),
    fence: () => undefined,
    onSent: () => {},
    ...over,
  });
  return {
    spine,
    tried,
    delivery,
    async sendAll(...messages: Outbound[]): Promise<void> {
      await spine.store.commit(
        messages.flatMap((message) => spine.outbox.rowsForQueued(message, Date.now())),
      );
      delivery.push(await spine.outbox.openForOperator());
      await delivery.drain(new AbortController().signal);
    },
    states: async () =>
      (await spine.store.read<{ state: string }>("SELECT state FROM outbox ORDER BY rowid"))
        .map(({ state }) => state),
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
    await opened.sendAll(outbound("1"), outbound("2"), outbound("3"));
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
    await opened.sendAll(outbound("1"), outbound("2"));
    expect(opened.tried).toEqual(["1", "1", "2"]);
  });

  it.each([
    [
      "what the provider refuses for good",
      {},
      { kind: "permanent", reason: "no such chat" } as const,
    ],
    ["what waited too long", { expires_at_ms: 1 }, { kind: "sent", receipt: null } as const],
    ["what has no channel", { channel: "gone" }, { kind: "sent", receipt: null } as const],
  ])("makes a dead letter of %s and goes on", async (_what, over, result) => {
    await using opened = await open(({ body }) =>
      textOfBody(body) === "1" ? result : { kind: "sent", receipt: null }
    );
    await opened.sendAll(outbound("1", over), outbound("2"));
    expect(await opened.states()).toEqual(["dead", "sent"]);
    expect(await opened.spine.deadLetters.listForOperator({ limit: 5 })).toMatchObject([
      { kind: "outbox", code: "outbound_failed" },
    ]);
  });

  it("asks the fence right before each send", async () => {
    let suspended = false;
    await using opened = await open(() => {
      suspended = true;
      return { kind: "sent", receipt: null };
    }, { fence: () => suspended ? SUSPENDED : undefined });
    await opened.sendAll(outbound("1"), outbound("2"));
    expect(opened.tried).toEqual(["1"]);
    expect(await opened.states()).toEqual(["sent", "dead"]);
  });

  it("does not send again what its row says was sent", async () => {
    await using opened = await open(() => ({ kind: "sent", receipt: null }));
    const message = outbound("once");
    await opened.sendAll(message);
    const item = { account_id: "acme", session_id: "s", attempts: 0, next_at_ms: 0 };
    opened.delivery.push([{ id: message.id, ...item }]);
    await opened.delivery.drain(new AbortController().signal);
    expect(opened.tried).toEqual(["once"]);
  });
});
