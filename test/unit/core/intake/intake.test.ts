import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { Channel, HeardMessage } from "../../../../core/channels/channel.ts";
import { type Handoff, MAX_HOPS } from "../../../../core/contract/mod.ts";
import { createIntake, type IntakeDeps } from "../../../../core/intake/intake.ts";
import { createReplay } from "../../../../core/intake/replay.ts";
import type { OpenInbound } from "../../../../core/queues/inbounds.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, uuid } from "../../../support/spine.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    event_subscribers:
      - { id: orders, subject_pattern: "shop.*.created", account_id: "{{subject.1}}",
          session_key: "order-{{body_json.id}}", inbound_template: "Order {{body_json.note}}" }
      - { id: trusting, subject_pattern: "open.>", account_id: "{{body_json.tenant}}",
          trust_payload_tenant: true }
      - { id: wary, subject_pattern: "shut.>", account_id: "{{body_json.tenant}}" }
  - id: bob
    tenant_id: globex
    model: { provider: offline, model: rules }
    event_subscribers: [{ id: orders, subject_pattern: "shop.>" }]
    inbound_bindings: [{ plugin: telegram, instance: acme }]
`;

const WINDOW_MS = 1000;

function heard(msgId: string): Omit<HeardMessage, "contact"> {
  return {
    chat: "direct",
    parts: [
      { kind: "text", text: "hi" },
      { kind: "media", media: "image", ref: "r", mime: "image/png", name: null, size: 3 },
    ],
    sender: { id: "v", name: "Vera" },
    msgId,
    replyToMsgId: null,
    editOf: null,
    fromMe: msgId.startsWith("own"),
    replyAddress: { to: "42", thread: null, extra: {} },
    sentAtMs: 5,
  };
}

/** Its events are lists of message ids. */
const TELEGRAM: Channel = {
  id: "telegram",
  textLimit: 4096,
  sends: new Set(["text"]),
  send: () => Promise.resolve({ kind: "sent", receipt: null }),
  hear: ({ body_json }) => ({
    messages: (body_json as string[]).map((id) => ({ ...heard(id), contact: "42" })),
    receipts: [],
  }),
};

function handoff(over: Partial<Handoff> & { body?: unknown } = {}): Handoff {
  const { body = { id: 7, note: "two <b>", tenant: "acme" }, ...rest } = over;
  return {
    envelope: {
      schema: 1,
      source_id: "shop",
      event_kind: "order.created",
      body_json: body,
      headers_subset: {},
      received_at_ms: 1000,
      envelope_id: uuid(),
      client_ip: null,
    },
    subject: "shop.acme.created",
    dedupe_key: uuid(),
    dedupe_window_ms: WINDOW_MS,
    account_id: null,
    delivery_id: "d-1",
    hops: 0,
    ...rest,
  };
}

async function open(over: Partial<IntakeDeps> = {}) {
  let nowMs = 1000;
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const spine = await openSpine(() => settings, { now: () => nowMs });
  const scheduled: OpenInbound[] = [];
  const intake = createIntake({
    ...spine,
    eventRows: spine.rows.events,
    sessionIdOf,
    channels: new Map([["telegram", TELEGRAM]]),
    accepts: () => true,
    schedule: (items) => void scheduled.push(...items),
    ...over,
  });
  return {
    spine,
    intake,
    scheduled,
    setNow: (ms: number) => void (nowMs = ms),
    inbox: () => spine.inbox.listForOperator({ limit: 50 }),
    dead: () => spine.deadLetters.listForOperator({ limit: 50 }),
    [Symbol.asyncDispose]: () => spine[Symbol.asyncDispose](),
  };
}

describe("createIntake()", () => {
  it("turns an event into a message of the tenant its subject names, values marked untrusted", async () => {
    await using opened = await open();
    const [outcome] = await opened.intake.deliver([handoff()]);
    expect(outcome?.kind).toBe("accepted");
    const [item] = opened.scheduled;
    expect(item).toMatchObject({ account_id: "acme", agent_id: "ana", instance: "orders" });
    const [inbound] = await opened.spine.inbounds.load("acme", [item?.id ?? ""]);
    expect(inbound?.text).toBe("Order <untrusted>two &lt;b></untrusted>");
    expect(inbound?.key.contact).toBe("order-7");
  });

  it("never gives one tenant's event to another tenant's agent with the same subscriber id", async () => {
    await using opened = await open();
    await opened.intake.deliver([
      handoff(),
      handoff({ subject: "shop.globex.created" }),
    ]);
    const pairs = opened.scheduled.map(({ account_id, agent_id }) => `${account_id}/${agent_id}`);
    expect(pairs).toContain("acme/ana");
    expect(pairs).not.toContain("acme/bob");
  });

  it("accepts a delivery once within its window, also when it comes twice at once", async () => {
    await using opened = await open();
    const twice = handoff({ dedupe_key: "k" });
    const again = { ...twice, envelope: { ...twice.envelope, envelope_id: uuid() } };
    const outcomes = await opened.intake.deliver([twice, again]);
    expect(outcomes.map(({ kind }) => kind).sort()).toEqual(["accepted", "duplicate"]);
    opened.setNow(1000 + WINDOW_MS - 1);
    expect((await opened.intake.deliver([handoff({ dedupe_key: "k" })]))[0]?.kind).toBe(
      "duplicate",
    );
    opened.setNow(1000 + WINDOW_MS);
    expect((await opened.intake.deliver([handoff({ dedupe_key: "k" })]))[0]?.kind).toBe("accepted");
    expect(opened.scheduled).toHaveLength(2);
  });

  it.each([
    ["an unknown tenant", { subject: "shop.nobody.created" }, "account_unknown"],
    ["a suspended tenant", { subject: "shop.closed.created" }, "account_suspended"],
    ["a tenant only the payload names", { subject: "shut.x" }, "account_unknown"],
    ["a source's suspended tenant", { account_id: "closed" }, "account_suspended"],
    ["an event that goes round in circles", { hops: MAX_HOPS }, "inbound_refused"],
  ])("keeps %s as a dead letter, accepted but not run", async (_what, over, code) => {
    await using opened = await open();
    const [outcome] = await opened.intake.deliver([handoff(over)]);
    expect(outcome?.kind).toBe("accepted");
    expect(opened.scheduled).toEqual([]);
    expect(await opened.dead()).toMatchObject([{ kind: "inbox", code }]);
    expect(await opened.inbox()).toMatchObject([{ state: "dead" }]);
  });

  it("takes the payload's word for the tenant only where the operator trusts it", async () => {
    await using opened = await open();
    await opened.intake.deliver([handoff({ subject: "open.x" })]);
    expect(opened.scheduled).toMatchObject([{ account_id: "acme", instance: "trusting" }]);
  });

  it("keeps an event nobody listens to", async () => {
    await using opened = await open();
    await opened.intake.deliver([handoff({ subject: "quiet.x", account_id: "acme" })]);
    expect(await opened.inbox()).toMatchObject([{ state: "unmatched", account_id: "acme" }]);
  });

  it("refuses for now when too much waits, and nothing of it is on disk", async () => {
    await using opened = await open({ accepts: (count) => count === 0 });
    const [outcome] = await opened.intake.deliver([handoff()]);
    expect(outcome).toEqual({ kind: "refused", code: "store_full", retryable: true });
    expect(await opened.inbox()).toEqual([]);
  });

  it("receives a channel message once per message id", async () => {
    await using opened = await open();
    const message = {
      key: {
        account_id: "acme",
        agent_id: "ana",
        channel: "webchat",
        instance: "acme",
        contact: "v",
      },
      ...heard("m-1"),
    };
    expect((await opened.intake.receive(message)).kind).toBe("accepted");
    expect((await opened.intake.receive(message)).kind).toBe("duplicate");
    const other = { ...message, key: { ...message.key, account_id: "globex" } };
    expect((await opened.intake.receive(other)).kind).toBe("accepted");
  });
});

describe("a channel's deliveries", () => {
  const delivered = (...ids: string[]): Handoff => ({
    ...handoff({ body: ids }),
    subject: "plugin.inbound.telegram.acme",
  });

  it("bring several messages each, every one once, for the tenant and agent of the instance", async () => {
    await using opened = await open();
    expect(await opened.intake.deliver([delivered("m-1", "m-2")])).toMatchObject([
      { kind: "accepted" },
    ]);
    expect(await opened.intake.deliver([delivered("m-2", "m-3")])).toMatchObject([
      { kind: "accepted" },
    ]);
    expect(await opened.intake.deliver([delivered("m-3")])).toMatchObject([{ kind: "accepted" }]);
    const ids = opened.scheduled.map(({ id }) => id);
    const kept = await opened.spine.inbounds.load("globex", ids);
    expect(kept.map(({ msg_id }) => msg_id)).toEqual(["m-1", "m-2", "m-3"]);
    expect(kept[0]).toMatchObject({
      text: "hi\n[image: image/png]",
      sender_name: "Vera",
      reply_address: { to: "42" },
      key: { account_id: "globex", agent_id: "bob", channel: "telegram", instance: "acme" },
    });
    expect((await opened.inbox()).map(({ state }) => state)).toEqual(["done", "queued", "queued"]);
  });

  it("bring what our own side wrote, which no agent answers", async () => {
    const own: string[] = [];
    await using opened = await open({
      rowsForOwn({ msgId }) {
        own.push(msgId ?? "");
        return [];
      },
    });
    await opened.intake.deliver([delivered("own-1", "m-1")]);
    expect(own).toEqual(["own-1"]);
    expect(opened.scheduled).toHaveLength(1);
  });

  it("are dead letters when nobody answers the instance, and no subscriber hears of them", async () => {
    await using opened = await open();
    await opened.intake.deliver([{
      ...delivered("m-1"),
      subject: "plugin.inbound.telegram.nobody",
    }]);
    expect(await opened.dead()).toMatchObject([{ code: "agent_unknown" }]);
    expect(opened.scheduled).toEqual([]);
  });
});

describe("createReplay()", () => {
  it("routes a dead delivery again once its tenant exists, and only once per dead letter", async () => {
    await using opened = await open();
    const { spine, intake } = opened;
    const replay = createReplay({
      ...spine,
      deliver: intake.deliver,
      schedule: (items) => void opened.scheduled.push(...items),
      resend: () => Promise.resolve(),
    });
    await intake.deliver([handoff({ subject: "shop.nobody.created" })]);
    const [letter] = await opened.dead();
    await replay.deadLetter(letter?.id ?? "");
    await expect(replay.deadLetter(letter?.id ?? "")).rejects.toMatchObject({ code: "conflict" });
    expect(await opened.inbox()).toHaveLength(2);
    await expect(replay.deadLetter("nothing")).rejects.toMatchObject({ code: "not_found" });
  });
});
