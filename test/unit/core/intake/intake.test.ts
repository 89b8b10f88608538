import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { Channel, HeardMessage } from "../../../../core/channels/channel.ts";
import { bodyOfJson, type Handoff, MAX_HOPS } from "../../../../core/contract/mod.ts";
import { createRoom } from "../../../../core/conversations/room.ts";
import { createAdmission } from "../../../../core/intake/admission.ts";
import { createIntake, type IntakeDeps } from "../../../../core/intake/intake.ts";
import { createReceiptRows } from "../../../../core/intake/receipts.ts";
import { createReplay } from "../../../../core/intake/replay.ts";
import { openBuckets } from "../../../../core/limits/buckets.ts";
import { createSenderLimits } from "../../../../core/limits/sender_limits.ts";
import type { OpenInbound } from "../../../../core/queues/inbounds.ts";
import { purgeDeliveries, type PurgeFilter } from "../../../../core/queues/retention.ts";
import { createBucketDisk } from "../../../support/limits.ts";
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
  repeats: false,
  sends: new Set(["text"]),
  send: () => Promise.resolve({ kind: "sent", receipt: null }),
  hear: ({ body_json }) => ({
    messages: (body_json as string[]).map((id) => ({ ...heard(id), contact: "42" })),
    receipts: [],
  }),
};

function handoff(over: Partial<Omit<Handoff, "body">> & { body?: unknown } = {}): Handoff {
  const { body = { id: 7, note: "two <b>", tenant: "acme" }, ...rest } = over;
  return {
    envelope: {
      schema: 1,
      source_id: "shop",
      event_kind: "order.created",
      headers_subset: {},
      received_at_ms: 1000,
      envelope_id: uuid(),
      client_ip: null,
    },
    body: bodyOfJson(body),
    subject: "shop.acme.created",
    dedupe_key: uuid(),
    dedupe_window_ms: WINDOW_MS,
    account_id: null,
    delivery_id: "d-1",
    hops: 0,
    ...rest,
  };
}

async function open(over: Partial<IntakeDeps> = {}, { agents = AGENTS, queueCap = 32 } = {}) {
  let nowMs = 1000;
  const settings = await settingsOf({ "agents.yaml": agents });
  const spine = await openSpine(() => settings, { now: () => nowMs });
  const scheduled: OpenInbound[] = [];
  const intake = createIntake({
    ...spine,
    eventRows: spine.rows.events,
    admit: createAdmission({
      settings: () => settings,
      room: createRoom({ maxWaiting: 1000, queueCapOf: () => queueCap }),
      senders: createSenderLimits({
        buckets: openBuckets({ ...createBucketDisk(), now: () => nowMs, writes: "behind" }),
      }),
      sessionIdOf,
      now: () => nowMs,
    }),
    channels: new Map([["telegram", TELEGRAM]]),
    receiptRows: createReceiptRows({ ...spine, eventRows: spine.rows.events }),
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

  it("E1: never gives one tenant's event to another tenant's agent with the same subscriber id", async () => {
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
    ["a tenant only the payload names", { subject: "shut.x" }, "account_unknown"],
    ["an event that goes round in circles", { hops: MAX_HOPS }, "inbound_refused"],
  ])("E3, E7: keeps %s as a dead letter, accepted but not run", async (_what, over, code) => {
    await using opened = await open();
    const [outcome] = await opened.intake.deliver([handoff(over)]);
    expect(outcome?.kind).toBe("accepted");
    expect(opened.scheduled).toEqual([]);
    expect(await opened.dead()).toMatchObject([{ kind: "inbox", code }]);
    expect(await opened.inbox()).toMatchObject([{ state: "dead" }]);
  });

  it.each([
    ["its subject names", { subject: "shop.closed.created" }],
    ["its source is of", { account_id: "closed" }],
  ])(
    "T5: keeps an event for the suspended tenant %s, to be run when it is active",
    async (_, over) => {
      await using opened = await open();
      const [outcome] = await opened.intake.deliver([handoff(over)]);
      expect(outcome?.kind).toBe("accepted");
      expect(opened.scheduled).toMatchObject([{ account_id: "closed" }]);
      expect(await opened.inbox()).toMatchObject([{ account_id: "closed", state: "queued" }]);
    },
  );

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

  it("E7: refuses for now when too much waits, and nothing of it is on disk", async () => {
    await using opened = await open({ admit: () => Promise.resolve(undefined) });
    const [outcome] = await opened.intake.deliver([handoff()]);
    expect(outcome).toEqual({ kind: "refused", code: "store_full", retryable: true });
    expect(await opened.inbox()).toEqual([]);
  });

  it("A7: receives a channel message once per message id", async () => {
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

describe("a person who writes too much", () => {
  const LIMITED = AGENTS.replace(
    "- id: ana",
    "- id: ana\n    sender_rate_limit: { rps: 0.001, burst: 2 }",
  );
  const messageOf = (contact: string, account = "acme") => ({
    key: { account_id: account, agent_id: "ana", channel: "webchat", instance: account, contact },
    ...heard(uuid()),
    sender: { id: contact, name: null },
  });

  it("is refused, told so and put on record once, apart from others and other tenants", async () => {
    await using opened = await open({}, { agents: LIMITED });
    const { intake } = opened;
    for (let i = 0; i < 2; i++) await intake.receive(messageOf("vera"));
    for (let i = 0; i < 3; i++) {
      await expect(intake.receive(messageOf("vera"))).rejects.toMatchObject({
        code: "rate_limited",
        message: expect.stringContaining("1000 s") as unknown,
      });
    }
    expect((await intake.receive(messageOf("wim"))).kind).toBe("accepted");
    expect((await intake.receive(messageOf("vera", "globex"))).kind).toBe("accepted");
    const { events } = await opened.spine.events.list({ account: "acme", kinds: ["rate_limited"] });
    expect(events.map(({ body }) => JSON.parse(body) as unknown)).toMatchObject([{
      agent_id: "ana",
      binding_id: "webchat:acme",
      marker: "rate_limited:sender,binding=webchat:acme,rps=0.001",
    }]);
    opened.setNow(1_001_000);
    expect((await intake.receive(messageOf("vera"))).kind).toBe("accepted");
  });

  it("pays nothing for a message that is known", async () => {
    await using opened = await open({}, { agents: LIMITED });
    const { intake } = opened;
    const again = messageOf("vera");
    await intake.receive(again);
    for (let i = 0; i < 5; i++) expect((await intake.receive(again)).kind).toBe("duplicate");
    expect((await intake.receive(messageOf("vera"))).kind).toBe("accepted");
  });

  it("finds the queue of the conversation full, and others theirs open", async () => {
    await using opened = await open({}, { queueCap: 2 });
    const { intake } = opened;
    const said = await Promise.allSettled(
      Array.from({ length: 5 }, () => intake.receive(messageOf("vera"))),
    );
    expect(said.filter(({ status }) => status === "fulfilled")).toHaveLength(2);
    await expect(intake.receive(messageOf("vera"))).rejects.toMatchObject({ code: "queue_full" });
    expect((await intake.receive(messageOf("wim"))).kind).toBe("accepted");
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

  it("leave in the inbox what a person writes too often, and bring the rest", async () => {
    const agents = AGENTS.replace(
      "- id: bob",
      "- id: bob\n    sender_rate_limit: { rps: 0.001, burst: 2 }",
    );
    await using opened = await open({}, { agents });
    const many = delivered("m-1", "m-2", "m-3", "m-4");
    expect(await opened.intake.deliver([many])).toMatchObject([{ kind: "accepted" }]);
    expect(await opened.intake.deliver([delivered("m-5")])).toMatchObject([{ kind: "accepted" }]);
    expect(opened.scheduled).toHaveLength(2);
    expect((await opened.inbox()).map(({ state }) => state)).toEqual(["dead", "queued"]);
    expect((await opened.dead()).map(({ code }) => code)).toEqual([
      "rate_limited",
      "rate_limited",
      "rate_limited",
    ]);
    const { events } = await opened.spine.events.list({
      account: "globex",
      kinds: ["rate_limited"],
    });
    expect(events).toHaveLength(1);
  });

  it("bring what our own side wrote, which no agent answers", async () => {
    const own: string[] = [];
    await using opened = await open({
      hearOwn: ({ msgId }) => ({
        writes: [],
        settled: () => Promise.resolve(void own.push(msgId ?? "")),
      }),
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

describe("purgeDeliveries()", () => {
  const PASSED_MS = 1000 + WINDOW_MS;

  async function openPurge() {
    const opened = await open();
    const { inbounds, inbox, store } = opened.spine;
    return {
      ...opened,
      /** Ids are of today, whatever time the test says it is. */
      purge: (nowMs: number, filter: Partial<PurgeFilter> = {}) =>
        purgeDeliveries({ store, nowMs }, {
          account: undefined,
          beforeMs: Date.now() + 60_000,
          ...filter,
        }),
      states: async () => (await opened.inbox()).map(({ state }) => state).sort(),
      async end(how: "rowsForDone" | "rowsForDead") {
        const [item] = opened.scheduled;
        const [delivery] = await opened.inbox();
        const turn = { account: "acme", turnId: "turn", starts: 1, ids: [item?.id ?? ""] };
        await store.commit([
          ...inbounds.rowsForStarted(turn),
          ...inbounds[how](turn),
          ...inbox.rowsForSettled(delivery?.envelope_id ?? ""),
        ]);
        return item?.id ?? "";
      },
    };
  }

  it("forgets what is done and old, and never what still keeps a repetition out", async () => {
    await using opened = await openPurge();
    const { intake, purge, states } = opened;
    const deliver = async () => (await intake.deliver([handoff({ dedupe_key: "k" })]))[0]?.kind;
    expect(await deliver()).toBe("accepted");
    expect(await purge(PASSED_MS)).toEqual({ purged: 0, kept_in_window: 0, kept_for_replay: 0 });
    await opened.end("rowsForDone");
    opened.setNow(PASSED_MS - 1);
    expect(await purge(PASSED_MS - 1)).toEqual({
      purged: 0,
      kept_in_window: 1,
      kept_for_replay: 0,
    });
    expect(await deliver()).toBe("duplicate");
    const nothing = { purged: 0, kept_in_window: 0, kept_for_replay: 0 };
    expect(await purge(PASSED_MS, { account: "globex" })).toEqual(nothing);
    expect(await purge(PASSED_MS, { beforeMs: 1000 })).toEqual(nothing);
    expect(await states()).toEqual(["done"]);
    expect(await purge(PASSED_MS, { account: "acme" })).toEqual({ ...nothing, purged: 1 });
    expect(await states()).toEqual([]);
  });

  it("keeps a dead delivery for as long as its dead letter can be replayed, and what was never run", async () => {
    await using opened = await openPurge();
    const { intake, purge, spine, states } = opened;
    await intake.deliver([handoff({ subject: "shop.nobody.created" })]);
    await intake.deliver([handoff()]);
    await intake.deliver([handoff({ subject: "quiet.x", account_id: "acme" })]);
    expect(await purge(PASSED_MS)).toMatchObject({ purged: 0, kept_for_replay: 1 });
    await spine.store.commit(
      spine.deadLetters.rowsForPurged({ account: undefined, beforeMs: PASSED_MS }),
    );
    expect(await purge(PASSED_MS)).toMatchObject({ purged: 1, kept_for_replay: 0 });
    expect(await states()).toEqual(["queued", "unmatched"]);
  });

  it("keeps a delivery of which a message died, or runs again, until that is over", async () => {
    await using opened = await openPurge();
    const { intake, purge, spine, states } = opened;
    const { deadLetters, inbounds, inbox, store } = spine;
    await intake.deliver([handoff()]);
    const id = await opened.end("rowsForDead");
    await store.commit(deadLetters.rowsForDead({
      id: uuid(),
      account_id: "acme",
      kind: "inbound",
      ref_id: id,
      source: "shop",
      code: "internal",
      detail: "",
      at_ms: 1000,
    }));
    expect(await states()).toEqual(["dead"]);
    expect(await purge(PASSED_MS)).toMatchObject({ purged: 0, kept_for_replay: 1 });
    const [letter] = await opened.dead();
    await store.commit([
      ...deadLetters.rowsForReplayed(letter?.id ?? "", 1000),
      ...inbounds.rowsForReplay("acme", id, 1000),
    ]);
    expect(await purge(PASSED_MS)).toMatchObject({ purged: 0, kept_for_replay: 1 });
    await opened.end("rowsForDone");
    expect(await inbox.listForOperator({ limit: 1 })).toMatchObject([{ state: "done" }]);
    expect(await purge(PASSED_MS)).toMatchObject({ purged: 1, kept_for_replay: 0 });
  });
});
