import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { ConversationKey } from "../../../../core/contract/mod.ts";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";
import { messageFrom } from "../../../support/turns.ts";

const FILES = {
  "agents.yaml": `agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
`,
  "tenants.yaml": "tenants: { acme: {}, globex: {} }\n",
};
const KEY: ConversationKey = {
  account_id: "acme",
  agent_id: "ana",
  channel: "webchat",
  instance: "acme",
  contact: "visitor",
};
const SESSION = sessionIdOf(KEY);
const HASH = { operator_token_hash: "135c402134ad5140" };
const grants = {
  operator_intervention: ["acme"],
  escalations_read: ["acme"],
  escalations_resolve: ["acme"],
  transcripts_read: ["acme"],
};
const shop = microapp(grants);

function scopeOf(account: string, contact = "visitor") {
  return {
    kind: "conversation",
    agent_id: "ana",
    channel: "webchat",
    account_id: account,
    contact_id: contact,
  };
}
const SCOPE = scopeOf("acme");

function replyTo(account: string, to = "visitor") {
  return {
    kind: "reply",
    channel: "webchat",
    account_id: account,
    to,
    body: "hello",
    msg_kind: "text",
  };
}

async function open(files: Record<string, string> = {}) {
  const place = await openAdminPlace({ ...FILES, ...files });
  const call = (name: string, params: object, caller = shop) =>
    place.dispatch(caller, `nexo/admin/${name}`, params) as Promise<Record<string, unknown>>;
  return { place, call, [Symbol.asyncDispose]: () => place[Symbol.asyncDispose]() };
}

describe("nexo/admin/processing/*", () => {
  it("pause, act, tell the state and resume in nexo's shapes", async () => {
    await using opened = await open();
    const { call } = opened;
    expect(await call("processing/state", { scope: SCOPE })).toEqual({
      state: { state: "agent_active" },
    });
    const paused = await call("processing/pause", { scope: SCOPE, reason: "rude", ...HASH });
    expect(paused).toMatchObject({ changed: true, correlation_id: expect.any(String) as unknown });
    const again = await call("processing/pause", { scope: SCOPE, ...HASH });
    expect(again).toMatchObject({ changed: false });
    const { state } = await call("processing/state", { scope: SCOPE });
    expect(state).toMatchObject({
      state: "paused_by_operator",
      scope: { ...SCOPE, tenant_id: "acme", instance: "acme" },
      reason: "rude",
      ...HASH,
    });
    const sent = await call("processing/intervention", {
      scope: SCOPE,
      action: replyTo("acme"),
      ...HASH,
    });
    expect(sent).toEqual({
      changed: true,
      correlation_id: expect.any(String) as unknown,
      transcript_stamped: true,
    });
    const resumed = await call("processing/resume", {
      scope: SCOPE,
      session_id: SESSION,
      summary_for_agent: " all well ",
      ...HASH,
    });
    expect(resumed).toEqual({
      changed: true,
      correlation_id: expect.any(String) as unknown,
      transcript_stamped: true,
    });
    expect(await call("processing/resume", { scope: SCOPE, ...HASH })).toMatchObject({
      changed: false,
    });
  });

  it("check a summary before anything ends", async () => {
    await using opened = await open();
    const { call } = opened;
    await call("processing/pause", { scope: SCOPE, ...HASH });
    const resume = (more: object) => call("processing/resume", { scope: SCOPE, ...HASH, ...more });
    const refused: [object, string][] = [
      [{ summary_for_agent: "x" }, "session_id_required_with_summary"],
      [{ summary_for_agent: "  ", session_id: SESSION }, "empty_summary"],
      [{ summary_for_agent: "x".repeat(4097), session_id: SESSION }, "summary_too_long"],
      [
        { summary_for_agent: "x", session_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11" },
        "session_id is not in the scope",
      ],
    ];
    for (const [more, words] of refused) {
      await expect(resume(more)).rejects.toMatchObject({
        code: -32602,
        message: `invalid_params: ${words}`,
      });
    }
    expect(await resume({ summary_for_agent: "é".repeat(4096), session_id: SESSION }))
      .toMatchObject({ changed: true });
  });

  it("answer what nexo does not do either in its words", async () => {
    await using opened = await open();
    const custom = { kind: "custom", agent_id: "ana", scope_kind: "x", scope_id: "y" };
    const stream = { kind: "event_stream", agent_id: "ana", subject_pattern: "x" };
    const queue = { kind: "batch_queue", agent_id: "ana", queue_name: "x" };
    const override = { kind: "override_output", value: 1 };
    const refused: [string, object, string][] = [
      ["pause", { scope: stream }, "Conversation scope"],
      ["pause", { scope: custom }, "Conversation scope"],
      ["resume", { scope: queue }, "Conversation scope"],
      ["intervention", { scope: queue, action: replyTo("acme") }, "Conversation scope"],
      ["intervention", { scope: SCOPE, action: override }, "Reply action"],
      ["intervention", {
        scope: SCOPE,
        action: { kind: "custom", action_kind: "x", payload: {} },
      }, "Reply action"],
    ];
    for (const [name, params, what] of refused) {
      const method = `nexo/admin/processing/${name}`;
      await expect(opened.call(`processing/${name}`, { ...HASH, ...params })).rejects.toMatchObject(
        {
          code: -32601,
          message: `method_not_found: not_implemented: ${method} — v0 routes only ${what}`,
        },
      );
    }
    const { state } = await opened.call("processing/state", { scope: custom });
    expect(state).toEqual({ state: "agent_active" });
  });

  it("take nothing from whoever a list of operators does not know, or not for this tenant", async () => {
    await using opened = await open({
      "oversight.yaml": `operators:
  - { name: Rosa, token_hash: 135c402134ad5140, tenants: [acme] }
  - { name: Ivan, token_hash: ffffffffffffffff, tenants: [globex] }
`,
    });
    const { call, place } = opened;
    const pause = (hash: string) =>
      call("processing/pause", { scope: SCOPE, operator_token_hash: hash, operator_name: "Eve" });
    for (const hash of ["0000000000000000", "ffffffffffffffff"]) {
      await expect(pause(hash)).rejects.toThrow("operator_token_hash is no known operator's");
    }
    expect(place.oversight.pauses.all()).toEqual([]);
    expect(await pause("135c402134ad5140")).toMatchObject({ state: { operator_name: "Rosa" } });
    await expect(call("processing/pause", { scope: SCOPE })).rejects.toThrow(
      "missing field: operator_token_hash",
    );
  });

  it("know operators who signed in by their names", async () => {
    await using opened = await open();
    const { state } = await opened.call("processing/pause", { scope: SCOPE }, operator);
    expect(state).toMatchObject({ operator_name: "sam" });
  });

  it("say ambiguous and unknown scopes, and what would help", async () => {
    await using opened = await open();
    const pause = (scope: object) => opened.call("processing/pause", { scope }, operator);
    await expect(pause({ kind: "agent", agent_id: "ana" })).rejects.toMatchObject({
      code: -32602,
      message: expect.stringMatching(/ambiguous scope: .*tenant acme or tenant globex/) as unknown,
    });
    await expect(pause(scopeOf("nobody"))).rejects.toMatchObject({
      code: -32602,
      message: expect.stringMatching(
        /agent "ana" has no binding on webchat for "nobody"/,
      ) as unknown,
    });
  });

  it("give a grant for one tenant no way to another, whatever it says", async () => {
    await using opened = await open();
    const { call, place } = opened;
    const foreign = scopeOf("globex");
    await call("processing/pause", { scope: foreign }, operator);
    const { state } = await call("processing/state", { scope: foreign });
    expect(state).toEqual({ state: "agent_active" });
    for (
      const [name, more] of [
        ["pause", {}],
        ["resume", {}],
        ["intervention", { action: replyTo("globex") }],
      ] as const
    ) {
      await expect(call(`processing/${name}`, { scope: foreign, ...HASH, ...more })).rejects
        .toMatchObject({ code: -32004 });
    }
    const before = JSON.stringify(place.oversight.pauses.all());
    const name = fc.constantFrom("acme", "globex", "default", "x");
    const given = fc.record({
      kind: fc.constantFrom("conversation", "agent_binding", "agent"),
      agent_id: fc.constantFrom("ana", "x"),
      channel: fc.constantFrom("webchat", "event"),
      account_id: name,
      tenant_id: fc.option(name, { nil: undefined }),
      instance: fc.option(name, { nil: undefined }),
      contact_id: fc.constantFrom("visitor", "other"),
    });
    await fc.assert(
      fc.asyncProperty(given, fc.constantFrom("pause", "resume", "state"), async (scope, act) => {
        const answer = await call(`processing/${act}`, { scope, ...HASH }).catch(String);
        expect(JSON.stringify(answer)).not.toContain("globex");
        const theirs = place.oversight.pauses.all()
          .filter((pause) => pause.scope.account === "globex");
        expect(JSON.stringify(theirs)).toBe(before);
      }),
      { numRuns: 60 },
    );
  });
});

describe("nexo/admin/escalations/*", () => {
  async function raise(place: Awaited<ReturnType<typeof openAdminPlace>>, keys: ConversationKey[]) {
    for (const key of keys) {
      await place.oversight.escalations.request(key, {
        id: place.parts.uuid(),
        summary: `help ${key.contact}`,
        reason: "missing_data",
        urgency: "normal",
        context: { order: 7 },
      });
    }
  }

  it("T6: list the tenant's own, newest first and page by page, however many others there are", async () => {
    await using opened = await open();
    const { call, place } = opened;
    const mine = ["a", "b", "c"].map((contact) => ({ ...KEY, contact }));
    const theirs = Array.from({ length: 5 }, (_, i) => ({
      ...KEY,
      account_id: "globex",
      instance: "globex",
      contact: `g${i}`,
    }));
    await raise(place, [...mine, ...theirs]);
    const first = await call("escalations/list", { limit: 2 });
    const rest = await call("escalations/list", { limit: 2, cursor: first["next_cursor"] });
    const contacts = [first, rest].flatMap(({ entries }) =>
      (entries as { scope: { contact_id: string } }[]).map(({ scope }) => scope.contact_id)
    );
    expect(contacts).toEqual(["c", "b", "a"]);
    expect(first["entries"]).toMatchObject([{
      agent_id: "ana",
      state: { state: "pending", summary: "help c", reason: "missing_data", context: { order: 7 } },
    }, {}]);
    expect(await call("escalations/list", { tenant_id: "globex" })).toEqual({ entries: [] });
    const all = await call("escalations/list", { filter: "all" }, operator);
    expect(all["entries"]).toHaveLength(8);
  });

  it("resolve once, with a reason when dismissed, and only one's own", async () => {
    await using opened = await open();
    const { call, place } = opened;
    await raise(place, [KEY, { ...KEY, account_id: "globex", instance: "globex" }]);
    const resolve = (more: object) =>
      call("escalations/resolve", { scope: SCOPE, ...HASH, ...more });
    await expect(resolve({ by: "dismissed" })).rejects.toThrow(
      "invalid_params: dismiss_reason is required when by=dismissed",
    );
    await expect(resolve({ by: "me" })).rejects.toThrow(
      "invalid_params: by must be `dismissed` or `takeover`, got `me`",
    );
    await expect(resolve({ by: "takeover", scope: scopeOf("globex") })).rejects.toMatchObject({
      code: -32004,
    });
    expect(await resolve({ by: "dismissed", dismiss_reason: "spam" })).toMatchObject({
      changed: true,
    });
    expect(await resolve({ by: "takeover" })).toMatchObject({ changed: false });
    const { entries } = await call("escalations/list", { filter: "resolved" });
    expect(entries).toMatchObject([
      { state: { state: "resolved", by: { kind: "operator_dismissed", reason: "spam" } } },
    ]);
  });
});

describe("nexo/admin/conversations/*", () => {
  it("show an inbox: who wrote last, who has it, what waits and what was asked for", async () => {
    await using opened = await open();
    const { call, place } = opened;
    const { store, parts, oversight } = place;
    const foreign = { ...KEY, account_id: "globex", instance: "globex" };
    const keys = [KEY, { ...KEY, contact: "second" }, foreign];
    for (const key of keys) {
      const inbound = messageFrom(key, `4111 1111 1111 1111 from ${key.contact}`);
      const sessionId = sessionIdOf(key);
      await store.commit(parts.inbounds.rowsForQueued(inbound, sessionId, Date.now()));
      if (key.contact === "second") continue;
      await oversight.pause(
        {
          kind: "conversation",
          account: key.account_id,
          agentId: "ana",
          channel: "webchat",
          instance: key.instance,
          contact: "visitor",
        },
        { hash: "h", name: "Rosa" },
        {},
      );
      await oversight.hold(
        [inbound],
        parts.rows.transcript({
          account: key.account_id,
          agentId: "ana",
          sessionId,
          entries: [{
            role: "user",
            text: inbound.text,
            sourcePlugin: "webchat",
            messageId: inbound.id,
            sentAtMs: 5,
          }],
        }),
      );
    }
    await oversight.escalations.request({ ...KEY, contact: "second" }, {
      id: parts.uuid(),
      summary: "help",
      reason: "other",
      urgency: "high",
      context: undefined,
    });
    const { conversations } = await call("conversations/list", {});
    expect(conversations).toMatchObject([
      {
        contact_id: "second",
        pending: 0,
        state: { state: "agent_active" },
        escalation: { state: "pending", urgency: "high" },
      },
      {
        tenant_id: "acme",
        contact_id: "visitor",
        session_id: SESSION,
        last: { role: "user", sent_at_ms: 5 },
        pending: 1,
        state: { state: "paused_by_operator", operator_name: "Rosa" },
        escalation: { state: "none" },
      },
    ]);
    expect(JSON.stringify(conversations)).not.toContain("4111");
    const page = await call("conversations/list", { limit: 1 });
    const next = await call("conversations/list", { limit: 1, cursor: page["next_cursor"] });
    expect(next["conversations"]).toMatchObject([{ contact_id: "visitor" }]);

    const one = await call("conversations/read", { agent_id: "ana", session_id: SESSION });
    expect(one).toMatchObject({
      conversation: { contact_id: "visitor" },
      events: [{ kind: "transcript_appended", seq: 0, tenant_id: "acme" }],
      pending: [{ trigger: "channel" }],
    });
    expect(JSON.stringify(one)).not.toContain("4111");
    const [pending] = one["pending"] as { item_id: string }[];
    const { scope } = one["conversation"] as { scope: object };
    const skip = { kind: "skip_item", item_id: pending?.item_id, reason: "spam" };
    const rosa = { operator_token_hash: "h" };
    expect(await call("processing/intervention", { scope, action: skip, ...rosa })).toMatchObject({
      changed: true,
    });
    const after = await call("conversations/read", { agent_id: "ana", session_id: SESSION });
    expect(after["pending"]).toEqual([]);

    const nothing = { conversation: null, events: [], pending: [] };
    const theirs = { agent_id: "ana", session_id: sessionIdOf(foreign) };
    expect(await call("conversations/read", theirs)).toEqual(nothing);
    expect(await call("conversations/read", { ...theirs, tenant_id: "globex" })).toEqual(nothing);
    expect(await call("conversations/list", { tenant_id: "globex" })).toEqual({
      conversations: [],
    });
    await expect(call("conversations/list", {}, operator)).rejects.toThrow("tenant_id is required");
  });
});
