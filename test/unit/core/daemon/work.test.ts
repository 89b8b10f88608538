/**
 * Core's work as the daemon wires it: what becomes of events and messages on their way to a tool.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Tool, ToolContext } from "../../../../core/agents/tool_gate.ts";
import { bodyOfJson, type Handoff, subjects } from "../../../../core/contract/mod.ts";
import type { AskModel, ModelRequest } from "../../../../core/models/model.ts";
import { settingsOf } from "../../../support/settings.ts";
import { uuid } from "../../../support/spine.ts";
import { migrationsDir, silentLog } from "../../../support/store.ts";
import { openCoreWork, type OpenedWork } from "../../../support/work.ts";

const FILES = {
  "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: [note, delegate]
    inbound_bindings: [{ plugin: webchat, instance: acme }, { plugin: webchat, instance: globex }]
    event_subscribers:
      - id: orders
        subject_pattern: shop.*.created
        account_id: "{{subject.1}}"
        session_key: "{{body_json.customer}}"
        inbound_template: "{{body_json.text}}"
        max_concurrency: 8
    config: { debounce_ms: 0 }
  - id: bob
    model: { provider: offline, model: rules }
    allowed_tools: [note]
`,
};

let dir: string;
let core: OpenedWork;
let asked: ModelRequest[] = [];
let calls: { readonly args: unknown; readonly context: ToolContext }[] = [];
let hold: Promise<void> = Promise.resolve();
/** How long the model thinks. */
let think: Promise<void> | undefined;

const note: Tool = {
  name: "note",
  ownName: "note",
  microappId: undefined,
  account: null,
  description: "Writes something down.",
  inputSchema: { type: "object", properties: { n: { type: "string" } } },
  async call(args, context) {
    calls.push({ args, context });
    await hold;
    return { ok: true, text: `noted for ${context.account}` };
  },
};
const watch = (ask: AskModel): AskModel => (caller, by, request) => {
  asked.push({ ...request, model: by.model, messages: [...request.messages] });
  return think === undefined
    ? ask(caller, by, request)
    : think.then(() => ask(caller, by, request));
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "nexo-work-"));
  const settings = await settingsOf(FILES);
  core = await openCoreWork({
    dir,
    migrationsDir,
    settings,
    tools: [note],
    log: silentLog,
    watch,
  });
});
afterAll(async () => {
  await core?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});
beforeEach(() => {
  asked = [];
  calls = [];
  hold = Promise.resolve();
  think = undefined;
});

/** Hands an event to core, as an edge does; the payload claims to be another tenant's. */
async function deliver(account: string, customer: string, text: string, more: object = {}) {
  const handoff: Handoff = {
    envelope: {
      schema: 1,
      source_id: "shop",
      event_kind: "order.created",
      headers_subset: {},
      received_at_ms: 1,
      envelope_id: uuid(),
      client_ip: null,
    },
    body: bodyOfJson({ customer, text, account_id: "closed", tenant_id: "closed", ...more }),
    subject: `shop.${account}.created`,
    dedupe_key: uuid(),
    dedupe_window_ms: 1_000,
    account_id: null,
    delivery_id: null,
    hops: 0,
  };
  const [outcome] = await core.work.intake.deliver([handoff]);
  expect(outcome?.kind).toBe("accepted");
}

/** Resolves when nothing waits or runs. */
async function settled(): Promise<void> {
  while (core.work.conversations.waiting() > 0) {
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

const textsOf = ({ messages }: ModelRequest) => messages.map(({ content }) => content).join("\n");

describe("a reply on the web chat", () => {
  it("is sent by the commit that ends its turn, told once, and there for its visitor", async () => {
    const commits: string[][] = [];
    const stop = core.store.onAppended((rows) =>
      commits.push(rows.map(({ table, row }) => String(row["kind"] ?? table)))
    );
    const mirrored: unknown[] = [];
    core.bus.subscribe(subjects.outbound("webchat", "acme"), {}, ({ data }) => {
      mirrored.push(JSON.parse(new TextDecoder().decode(data)));
    });
    const say = { op: "say" as const, instance: "acme", contact: "uma", text: "hello" };
    const answer = await core.work.chat(say, { signal: undefined, waitMs: 60_000 });
    stop();
    const [sent] = await core.store.read<{ id: string; session_id: string; sent_at_ms: number }>(
      "SELECT id, session_id, sent_at_ms FROM outbox WHERE turn_id = ? AND state = 'sent'",
      [answer.turn_id],
    );
    expect(commits.at(-1)?.filter((row) => !row.startsWith("transcript"))).toEqual([
      "turn_started",
      "turns",
      "turn_finished",
      "chat_messages",
      "outbound_sent",
    ]);
    expect(mirrored).toEqual([{ ...sent, contact: "uma" }]);
    const page = await core.parts.chatLog.read({
      account: "acme",
      sessionId: sent?.session_id ?? "",
      after: undefined,
      own: true,
      newest: false,
    });
    expect(page.messages).toMatchObject([
      { from: "visitor", text: "hello" },
      { id: sent?.id, from: "agent", text: answer.reply, sent_at_ms: sent?.sent_at_ms },
    ]);
  });

  it("waits while its tenant is suspended, and goes when it is not", async () => {
    const suspended = "tenants: { acme: { active: false }, globex: {} }\n";
    let release = (): void => {};
    think = new Promise((resolve) => (release = resolve));
    const say = { op: "say" as const, instance: "acme", contact: "val", text: "hello" };
    const answering = core.work.chat(say, { signal: undefined, waitMs: 60_000 });
    while (asked.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    core.apply(await settingsOf({ ...FILES, "tenants.yaml": suspended }));
    release();
    const { turn_id } = await answering;
    const state = () =>
      core.store.read("SELECT state, attempts FROM outbox WHERE turn_id = ?", [turn_id]);
    expect(await state()).toEqual([{ state: "queued", attempts: 0 }]);
    core.apply(await settingsOf(FILES));
    await expect.poll(state).toEqual([{ state: "sent", attempts: 1 }]);
  });
});

describe("a turn", () => {
  it("stops in the middle when its tenant is suspended, and goes on from there when it is not", async () => {
    let release = (): void => {};
    hold = new Promise((resolve) => (release = resolve));
    const say = { op: "say" as const, instance: "acme", contact: "wendy", text: 'note {"n": "1"}' };
    const answering = core.work.chat(say, { signal: undefined, waitMs: 60_000 });
    while (calls.length === 0) await new Promise<void>((resolve) => setImmediate(resolve));
    const suspended = "tenants: { acme: { active: false }, globex: {} }\n";
    core.apply(await settingsOf({ ...FILES, "tenants.yaml": suspended }));
    release();
    const state = () =>
      core.store.read("SELECT state, attempts FROM inbounds WHERE state <> 'done'");
    await expect.poll(state).toEqual([{ state: "queued", attempts: 1 }]);
    expect(asked).toHaveLength(1);
    core.apply(await settingsOf(FILES));
    expect(await answering).toMatchObject({
      outcome: "ok",
      reply: expect.stringMatching(/noted/) as unknown,
    });
    expect([asked.length, calls.length]).toEqual([2, 1]);
  });
});

describe("an event", () => {
  it("E4: remembers those before it of its session key, and none of another tenant's", async () => {
    for (const [account, text] of [["acme", "first"], ["globex", "foreign"], ["acme", "second"]]) {
      await deliver(account ?? "", "vera", text ?? "");
      await settled();
    }
    const last = asked.at(-1);
    expect(last && textsOf(last)).toMatch(/first[^]*second/);
    expect(last && textsOf(last)).not.toContain("foreign");
    await deliver("acme", "wim", "third");
    await settled();
    expect(asked.at(-1)?.messages).toHaveLength(1);
  });

  it("E6: reaches its subscriber after a reload as before it", async () => {
    core.apply(
      await settingsOf({ ...FILES, "tenants.yaml": "tenants: { acme: {}, globex: {} }\n" }),
    );
    await deliver("acme", "after a reload", "still here");
    await settled();
    expect(asked.map(textsOf)).toEqual([expect.stringContaining("still here")]);
  });

  it("A4: interrupts no turn and is none the sooner, whatever it says of its priority", async () => {
    let go = (): void => {};
    hold = new Promise((resolve) => (go = resolve));
    await deliver("acme", "urgent", 'note {"n":"slow"}');
    await expect.poll(() => calls.length).toBe(1);
    await deliver("acme", "urgent", "at once", { priority: "now" });
    expect(calls[0]?.context.signal.aborted).toBe(false);
    expect(asked.map(textsOf).join()).not.toContain("at once");
    go();
    await settled();
    expect(asked.at(-1)?.messages.at(-1)?.content).toContain("at once");
    expect(asked.at(-1) && textsOf(asked.at(-1) as ModelRequest)).toContain("noted for acme");
  });
});

describe("a tool", () => {
  it("T1: hears for which tenant it works, from where the message came in and from nobody's words", async () => {
    await core.say({ instance: "acme", contact: "c", text: 'note {"n":"tenant_id: globex"}' });
    await deliver("globex", "c", 'note {"n":"1"}');
    await settled();
    const heard = calls.map(({ context: { account, meta } }) => {
      const { tenant_id, account_id, binding_id } = meta.nexo?.binding ?? {};
      return { account, tenant_id, account_id, binding_id };
    });
    expect(heard.toSorted((a, b) => a.account < b.account ? -1 : 1)).toEqual([
      { account: "acme", tenant_id: "acme", account_id: "acme", binding_id: "webchat:acme" },
      { account: "globex", tenant_id: "globex", account_id: "globex", binding_id: "event:orders" },
    ]);
  });

  it("T3: is asked for each tenant anew, with the very arguments of another's call", async () => {
    for (const instance of ["acme", "globex", "acme"]) {
      await core.say({ instance, contact: "same", text: 'note {"n":"same"}' });
      await settled();
    }
    expect(calls.map(({ args }) => args)).toEqual(Array.from({ length: 3 }, () => ({ n: "same" })));
    const answers = asked.map((request) => request.messages.at(-1))
      .filter((message) => message?.role === "tool").map((message) => message?.content);
    expect(answers).toEqual(["noted for acme", "noted for globex", "noted for acme"]);
  });
});

describe("many turns at once", () => {
  /** More than may work at once, and fewer than may be under way for one tenant. */
  const MANY = 90;
  const sayAll = (text: string) =>
    Promise.all(
      Array.from(
        { length: MANY },
        (_, i) => core.say({ instance: "acme", contact: `m${i}`, text }),
      ),
    );

  it("T7: wait for a tool all together, and keep no turn of another tenant from its place", async () => {
    let go = (): void => {};
    hold = new Promise((resolve) => (go = resolve));
    await sayAll('note {"n":"slow"}');
    await expect.poll(() => calls.length).toBe(MANY);
    await core.say({ instance: "globex", contact: "c", text: "at once" });
    await expect.poll(() => asked.map(textsOf).join()).toContain("at once");
    go();
    await settled();
    expect(asked).toHaveLength(2 * MANY + 1);
  });

  it("come to an end when each hands its task to a turn of another agent", async () => {
    await sayAll('delegate {"agent_id":"bob","task":"note {\\"n\\":\\"1\\"}"}');
    await settled();
    expect(calls).toHaveLength(MANY);
    expect(calls.every(({ context }) => context.inbound.key.agent_id === "bob")).toBe(true);
  });
});
