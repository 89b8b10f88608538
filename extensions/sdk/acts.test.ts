/**
 * What a microapp does in core: sends, publishes, takes conversations over.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { type AppContext, defineMicroapp, tokenHash } from "./mod.ts";
import { openTestHost } from "./testing/mod.ts";

const conversation = {
  agent_id: "ana",
  channel: "whatsapp",
  account_id: "acme",
  contact_id: "573001112233",
};
const scope = { kind: "conversation" as const, ...conversation };
const SESSION = "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11";
const ack = { changed: true, correlation_id: SESSION };
const answers = {
  "nexo/admin/processing/pause": () => ack,
  "nexo/admin/processing/intervention": () => ack,
  "nexo/admin/processing/resume": () => ({ ...ack, drained_pending: 2 }),
  "nexo/admin/processing/state": () => ({
    state: { state: "paused_by_operator", scope, paused_at_ms: 1, operator_token_hash: "h" },
  }),
  "nexo/admin/escalations/resolve": () => ack,
} as const;

async function openStarted(
  { operatorToken }: { operatorToken?: () => string | undefined } = {},
) {
  const contexts: AppContext[] = [];
  const app = defineMicroapp({
    start: (context) => void contexts.push(context),
    ...(operatorToken && { operatorToken }),
  });
  const host = await openTestHost(app, { admin: answers });
  const [context] = contexts;
  if (context === undefined) throw new Error("not started");
  return { host, context };
}

describe("takeover()", () => {
  it("pauses, replies and resumes with what wire and core expect", async () => {
    const { host, context } = await openStarted({ operatorToken: () => "secret-token-0001" });
    await using _host = host;
    const human = context.takeover(conversation);
    await human.pause({ reason: "complaint" });
    expect(await human.isPaused()).toBe(true);
    await human.reply("One moment, please");
    await human.reply({
      body: "Here",
      msg_kind: "reply",
      reply_to_msg_id: "m1",
      session_id: SESSION,
    });
    expect(await human.resume({ summary: "Refunded", session_id: SESSION })).toMatchObject({
      drained_pending: 2,
    });
    const operator_token_hash = "135c402134ad5140";
    expect(host.adminCalls()).toEqual([
      {
        method: "nexo/admin/processing/pause",
        params: { scope, reason: "complaint", operator_token_hash },
      },
      { method: "nexo/admin/processing/state", params: { scope } },
      {
        method: "nexo/admin/processing/intervention",
        params: {
          scope,
          action: {
            kind: "reply",
            channel: "whatsapp",
            account_id: "acme",
            to: "573001112233",
            msg_kind: "text",
            body: "One moment, please",
          },
          operator_token_hash,
        },
      },
      {
        method: "nexo/admin/processing/intervention",
        params: {
          scope,
          action: {
            kind: "reply",
            channel: "whatsapp",
            account_id: "acme",
            to: "573001112233",
            msg_kind: "reply",
            body: "Here",
            reply_to_msg_id: "m1",
          },
          session_id: SESSION,
          operator_token_hash,
        },
      },
      {
        method: "nexo/admin/processing/resume",
        params: { scope, summary_for_agent: "Refunded", session_id: SESSION, operator_token_hash },
      },
    ]);
  });
});

describe("the operators' token", () => {
  it("is hashed as core does it", () => {
    expect(tokenHash("secret-token-0001")).toBe("135c402134ad5140");
  });

  it("stamps exactly the operators' acts, over what a caller claims", async () => {
    const { host, context } = await openStarted({ operatorToken: () => "secret-token-0001" });
    await using _host = host;
    const claimed = { scope, by: "takeover", operator_token_hash: "somebody-else" };
    await context.admin.call("escalations/resolve", claimed);
    await context.admin.call("echo", claimed);
    expect(host.adminCalls().map(({ params }) => params)).toEqual([
      { scope, by: "takeover", operator_token_hash: "135c402134ad5140" },
      claimed,
    ]);
  });

  it("changes when core rotates the one that is held, and no other", async () => {
    const { host, context } = await openStarted({ operatorToken: () => "first" });
    await using _host = host;
    host.rotateToken({ from: "another", to: "stolen" });
    host.notify("nexo/notify/token_rotated", { old_hash: tokenHash("first"), new: "" });
    host.rotateToken({ from: "first", to: "second" });
    await host.until(() => context.operatorToken() !== "first");
    expect(context.operatorToken()).toBe("second");
    await context.takeover(conversation).pause();
    expect(host.adminCalls("nexo/admin/processing/pause")).toMatchObject([
      { params: { operator_token_hash: tokenHash("second") } },
    ]);
  });

  it("is that of the microapp's HTTP server unless it says otherwise", async () => {
    const contexts: AppContext[] = [];
    const app = defineMicroapp({ start: (context) => void contexts.push(context) });
    await using _host = await openTestHost(app, {
      handshake: { http: { token: "of-the-server" } },
    });
    expect(contexts[0]?.operatorToken()).toBe("of-the-server");
  });

  it("is not made up where there is none", async () => {
    const { host, context } = await openStarted();
    await using _host = host;
    await context.takeover(conversation).pause();
    expect(host.adminCalls()[0]?.params).toEqual({ scope });
    expect(context.operatorToken()).toBe(undefined);
  });
});

describe("dispatch() and publish()", () => {
  it("work for the call's tenant, each send once however often the step is run", async () => {
    const app = defineMicroapp({
      tools: {
        remind: {
          description: "",
          input: {},
          async handle(_args, { dispatch, publish }) {
            const { msg_id } = await dispatch({ channel: "whatsapp", to: "57300", body: "Hello" });
            await dispatch({ channel: "email", to: "a@b.example", body: "Hello" });
            await publish({ subject: "shop.reminded", payload: { msg_id: msg_id !== undefined } });
            await publish({ subject: "shop.own", payload: 1, dedupe_key: "own", tenant_id: "b" });
            return null;
          },
        },
      },
    });
    await using host = await openTestHost(app, {
      admin: { "nexo/dispatch": () => ({ msg_id: "1" }) },
    });
    await host.callTool("remind", {}, { accountId: "acme", callId: "turn:1" });
    const first = host.adminCalls().map(({ params }) => params);
    expect(first).toEqual([
      {
        channel: "whatsapp",
        to: "57300",
        body: "Hello",
        msg_kind: "text",
        account_id: "acme",
        idempotency_key: "turn:1:0",
      },
      {
        channel: "email",
        to: "a@b.example",
        body: "Hello",
        msg_kind: "text",
        account_id: "acme",
        idempotency_key: "turn:1:1",
      },
      {
        subject: "shop.reminded",
        payload: { msg_id: true },
        tenant_id: "acme",
        dedupe_key: "turn:1:2",
      },
      { subject: "shop.own", payload: 1, tenant_id: "b", dedupe_key: "own" },
    ]);
    await host.callTool("remind", {}, { accountId: "acme", callId: "turn:1" });
    expect(host.adminCalls().slice(4).map(({ params }) => params)).toEqual(first);
  });

  it("say in which call of core they are made, as all that a handler asks does, when core traces", async () => {
    const traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    const app = defineMicroapp({
      tools: {
        ask: {
          description: "",
          input: {},
          async handle(_args, { admin, dispatch, publish, takeover }) {
            await admin.call("echo", { a: 1 });
            await dispatch({ channel: "email", to: "a@b.example", body: "Hello" });
            await publish({ subject: "shop.asked", payload: 1 });
            await takeover(conversation).pause();
            return null;
          },
        },
      },
    });
    await using host = await openTestHost(app, { admin: answers });
    const said = () => host.adminCalls().map(({ params }) => (params as { _meta?: unknown })._meta);
    await host.callTool("ask", {}, { accountId: "acme" });
    expect(said()).toEqual([undefined, undefined, undefined, undefined]);
    await host.callTool("ask", {}, { accountId: "acme", traceparent });
    expect(said().slice(4)).toEqual(Array(4).fill({ traceparent }));
  });

  it("are as the caller says outside of calls", async () => {
    const { host, context } = await openStarted();
    await using _host = host;
    const { event_id } = await context.publish({ subject: "shop.opened", payload: {} });
    expect(event_id).toMatch(/^[0-9a-f-]{36}$/);
    await context.dispatch({ channel: "email", account_id: "acme", to: "a@b.example", body: "" });
    expect(host.adminCalls("nexo/dispatch")).toHaveLength(1);
  });
});
