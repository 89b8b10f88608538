/**
 * Two tenants, one agent, one phone number: whatever happens in whatever order, nothing crosses.
 *
 * Core runs as the daemon wires it, over a real store. The clock is the test's, and so is the order in
 * which models and tools answer.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import type { Tool } from "../../../../core/agents/tool_gate.ts";
import { bodyOfJson, codeOf, type Handoff } from "../../../../core/contract/mod.ts";
import type { AskModel, ModelRequest } from "../../../../core/models/model.ts";
import type { Settings } from "../../../../core/settings/settings.ts";
import type { Row } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { uuid } from "../../../support/spine.ts";
import { migrationsDir, silentLog } from "../../../support/store.ts";
import { openCoreWork, type OpenedWork } from "../../../support/work.ts";

/** The person both tenants know, under the same number. */
const PHONE = "+49 170 0000000";
const CONTACTS = [PHONE, "somebody else"];
const DEBOUNCE_MS = 5;
/** Each run has two tenants of its own, in the one core that serves them all. */
const RUNS = 20;
/** Calls of `note` that a binding may make; so little comes back that nothing does in a test. */
const BURSTS = { acme: 3, acme_two: 2, globex: 4, orders: 2 };
/** Acme's tokens a day: enough for some of the turns of a run. */
const ACME_TOKENS = 9_000;

type Instance = keyof typeof BURSTS;
type Tenant = "acme" | "globex";

/** Where something may be said; each line is one tenant's. */
interface Line {
  readonly tenant: Tenant;
  readonly channel: "webchat" | "event";
  readonly instance: Instance;
}
const LINES: readonly Line[] = [
  { tenant: "acme", channel: "webchat", instance: "acme" },
  { tenant: "acme", channel: "webchat", instance: "acme_two" },
  { tenant: "globex", channel: "webchat", instance: "globex" },
  { tenant: "acme", channel: "event", instance: "orders" },
  { tenant: "globex", channel: "event", instance: "orders" },
];
const BOUND = ["acme", "acme_two", "globex"] as const;

const eachRun = (text: (run: number) => string): string =>
  Array.from({ length: RUNS }, (_, run) => text(run)).join("");
const limitOf = (instance: Instance): string =>
  `{ note: { rps: 0.000001, burst: ${BURSTS[instance]} } }`;

const settings = await settingsOf({
  "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    system_prompt: You are Ana.
    allowed_tools: [note, whoami]
    inbound_bindings:
${
    eachRun((run) =>
      BOUND.map((instance) =>
        `      - { plugin: webchat, instance: ${instance}${run}, ` +
        `system_prompt_extra: rules-of-${instance}${run}, ` +
        (instance === "acme_two" ? "allowed_tools: [note], " : "") +
        `tool_rate_limits: { patterns: ${limitOf(instance)} } }\n`
      ).join("")
    )
  }
    event_subscribers:
      - id: orders
        subject_pattern: shop.*.created
        account_id: "{{subject.1}}"
        session_key: "{{body_json.contact}}"
        inbound_template: "{{body_json.text}}"
        max_concurrency: 4
    tool_rate_limits: { "event:orders": ${limitOf("orders")} }
    config: { debounce_ms: ${DEBOUNCE_MS} }
`,
  "plugins/webchat.yaml": `webchat:\n  instances:\n${
    eachRun((run) => `    - { instance: acme_two${run}, account_id: acme${run} }\n`)
  }`,
  "tenants.yaml": `tenants:\n${
    eachRun((run) =>
      `  acme${run}: { budgets: { tokens_per_day: ${ACME_TOKENS} } }\n  globex${run}: {}\n`
    )
  }`,
});

/** The same settings with one tenant suspended. */
function without(account: string): Settings {
  const tenants = [...settings.tenants].map(([id, tenant]) =>
    [id, id === account ? { ...tenant, active: false } : tenant] as const
  );
  return { ...settings, tenants: new Map(tenants) };
}

type Step =
  | { readonly kind: "say"; readonly line: Line; readonly contact: string; readonly tool: string }
  /** What was said last on a line comes in again, under its own id. */
  | { readonly kind: "again"; readonly line: Line }
  | { readonly kind: "suspend"; readonly tenant: Tenant | "nobody" }
  | { readonly kind: "pass"; readonly ms: number }
  /** Models and tools answer, so many of those that are asked. */
  | { readonly kind: "answer"; readonly count: number };

const line = fc.constantFrom(...LINES);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("say" as const),
      line,
      contact: fc.constantFrom(...CONTACTS),
      tool: fc.constantFrom("note", "note", "whoami", "neither"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("again" as const), line }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("suspend" as const),
      tenant: fc.constantFrom<Tenant | "nobody">("acme", "globex", "nobody"),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.integer({ min: 1, max: 50 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("answer" as const),
      count: fc.integer({ min: 1, max: 5 }),
    }),
  },
);

/** A message that core has accepted. */
interface Accepted {
  readonly line: Line;
  readonly sessionId: string;
}

/** A question to the model, as it was asked. */
interface Asked extends Pick<ModelRequest, "system" | "messages"> {
  readonly account: string;
  readonly tokens: number;
}

// A word that stands in one message alone; it begins with the tenant and the conversation.
const MARK = /mark-([a-z]+\d+)-([0-9a-f]{8})-\d+/g;
const marksIn = (text: string) => [...text.matchAll(MARK)];

function handoffOf(account: string, body: object, deliveryId: string): Handoff {
  return {
    envelope: {
      schema: 1,
      source_id: `shop-${account}`,
      event_kind: "order.created",
      headers_subset: {},
      received_at_ms: 1,
      envelope_id: uuid(),
      client_ip: null,
    },
    body: bodyOfJson(body),
    subject: `shop.${account}.created`,
    dedupe_key: deliveryId,
    dedupe_window_ms: 86_400_000,
    account_id: null,
    delivery_id: deliveryId,
    hops: 0,
  };
}

const loopTurned = () => new Promise<void>((resolve) => setImmediate(resolve));

let nowMs = Date.parse("2026-03-01T10:00:00Z");
let dir: string;
let core: OpenedWork;
/** Those who ask a model or a tool and have no answer yet: the plan decides who is next. */
const atDoor: (() => void)[] = [];
let asked: Asked[] = [];

const door = () => new Promise<void>((resolve) => atDoor.push(resolve));

function tool(name: string, answer: (account: string, binding: string) => string): Tool {
  return {
    name,
    ownName: name,
    microappId: undefined,
    account: null,
    description: name,
    inputSchema: { type: "object", properties: { n: { type: "string" } } },
    async call(args, { account, meta }) {
      await door();
      const { tenant_id, binding_id } = meta.nexo?.binding ?? {};
      return {
        ok: true,
        text: `${JSON.stringify(args)} ${answer(account, `${tenant_id} ${binding_id}`)}`,
      };
    },
  };
}

const watch = (ask: AskModel): AskModel => async (caller, by, request) => {
  await door();
  const answer = await ask(caller, by, request);
  const { inputTokens, outputTokens } = answer.step.answer.usage;
  const { system, messages } = request;
  const tokens = inputTokens + outputTokens;
  asked.push({ account: caller.account, system, messages: [...messages], tokens });
  return answer;
};

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), "nexo-tenants-"));
  core = await openCoreWork({
    dir,
    migrationsDir,
    settings,
    tools: [
      tool("note", (account) => `noted for ${account}`),
      tool("whoami", (account, binding) => `i am ${account} ${binding}`),
    ],
    now: () => nowMs,
    log: silentLog,
    watch,
  });
});
afterAll(async () => {
  await core?.[Symbol.asyncDispose]();
  await rm(dir, { recursive: true, force: true });
});

/** One run: does what the plan says, lets everything end, and gives what core made of it. */
async function play(plan: readonly Step[], run: number, order: () => number) {
  const { work, store, parts } = core;
  const accepted = new Map<string, Accepted>();
  const lastOn = new Map<Line, { contact: string; text: string; msgId: string }>();
  const accountOf = ({ tenant }: Line): string => `${tenant}${run}`;
  const instanceOf = ({ channel, instance }: Line): string =>
    channel === "event" ? instance : `${instance}${run}`;
  const sessionOf = (on: Line, contact: string): string =>
    sessionIdOf({
      account_id: accountOf(on),
      agent_id: "ana",
      channel: on.channel,
      instance: instanceOf(on),
      contact,
    });
  asked = [];

  async function tell(on: Line, contact: string, text: string, msgId: string): Promise<void> {
    const sessionId = sessionOf(on, contact);
    if (on.channel === "event") {
      const account = accountOf(on);
      const [outcome] = await work.intake.deliver([handoffOf(account, { contact, text }, msgId)]);
      if (outcome?.kind !== "accepted") return expect(outcome?.kind).toBe("duplicate");
      const [row] = await store.read<{ id: string }>("SELECT id FROM inbounds WHERE inbox_id = ?", [
        outcome.envelope_id,
      ]);
      return void accepted.set(row?.id ?? "", { line: on, sessionId });
    }
    try {
      const outcome = await core.say({ instance: instanceOf(on), contact, text, msgId });
      if (outcome.kind === "accepted") accepted.set(outcome.inboundId, { line: on, sessionId });
    } catch (error) {
      // A suspended tenant's visitors find nobody.
      expect(codeOf(error)).toBe("not_found");
    }
  }

  /** Lets one of those who wait for an answer have it. */
  async function answerOne(): Promise<void> {
    const [next] = atDoor.splice(order() % Math.max(1, atDoor.length), 1);
    next?.();
    await loopTurned();
  }

  for (const [number, one] of plan.entries()) {
    switch (one.kind) {
      case "say": {
        const { line: on, contact } = one;
        const mark = `mark-${accountOf(on)}-${sessionOf(on, contact).slice(0, 8)}-${number}`;
        // Whatever the tenant, ids are counted from one: the same id on two lines is two messages.
        const said = { contact, text: `${mark} ${one.tool} {"n":"${mark}"}`, msgId: `m-${number}` };
        lastOn.set(on, said);
        await tell(on, contact, said.text, said.msgId);
        break;
      }
      case "again": {
        const last = lastOn.get(one.line);
        if (last !== undefined) await tell(one.line, last.contact, last.text, last.msgId);
        break;
      }
      case "suspend":
        core.apply(one.tenant === "nobody" ? settings : without(`${one.tenant}${run}`));
        break;
      case "pass":
        nowMs += one.ms;
        break;
      case "answer":
        for (let i = 0; i < one.count; i++) await answerOne();
    }
  }
  core.apply(settings);
  while (work.conversations.waiting() > 0) {
    nowMs += DEBOUNCE_MS;
    await answerOne();
  }

  const accounts = [`acme${run}`, `globex${run}`];
  const rows = <T extends Row>(sql: string) => store.readMany<T>(sql, accounts);
  const sessions = [...new Set([...accepted.values()].map(({ sessionId }) => sessionId))];
  return {
    asked,
    accepted,
    accountOf,
    bindingOf: (on: Line): string => `${on.channel}:${instanceOf(on)}`,
    turns: await rows<TurnRow>(
      `SELECT account_id, session_id, inbound_ids, outcome, error FROM turns
       WHERE account_id IN (?, ?) ORDER BY "offset"`,
    ),
    entries: await rows<EntryRow>(
      `SELECT account_id, session_id, role, body FROM transcripts
       WHERE account_id IN (?, ?) ORDER BY id`,
    ),
    calls: await rows<CallRow>(
      `SELECT c.account_id, t.account_id AS of_turn, binding_id, tool, c.outcome, arguments, result
       FROM tool_calls c JOIN turns t ON t.id = c.turn_id WHERE c.account_id IN (?, ?)`,
    ),
    events: await rows<EventRow>(
      'SELECT account_id, "offset", body FROM agent_events WHERE account_id IN (?, ?) ORDER BY id',
    ),
    usage: await rows<{ account_id: string; tokens: number }>(
      `SELECT account_id, sum(tokens_in + tokens_out) AS tokens FROM usage
       WHERE account_id IN (?, ?) GROUP BY account_id`,
    ),
    sent: await Promise.all(
      sessions.flatMap((sessionId) =>
        accounts.map(async (account) => ({
          sessionId,
          account,
          messages: (await parts.chatLog.read({
            account,
            sessionId,
            after: undefined,
            own: true,
            newest: false,
          })).messages,
        }))
      ),
    ),
  };
}

interface TurnRow extends Row {
  account_id: string;
  session_id: string;
  inbound_ids: string;
  outcome: string;
  error: string | null;
}
interface EntryRow extends Row {
  account_id: string;
  session_id: string;
  role: string;
  body: string;
}
interface CallRow extends Row {
  account_id: string;
  of_turn: string;
  binding_id: string;
  tool: string;
  outcome: string;
  arguments: string;
  result: string;
}
interface EventRow extends Row {
  account_id: string;
  offset: number;
  body: string;
}

/** Every mark in `text` is of this tenant, and of this conversation when one is named. */
function expectOwn(text: string, account: string, sessionId?: string): void {
  for (const [, tenant, session] of marksIn(text)) {
    expect(tenant).toBe(account);
    if (sessionId !== undefined) expect(session).toBe(sessionId.slice(0, 8));
  }
}

type Played = Awaited<ReturnType<typeof play>>;

function expectNothingCrossed(played: Played, run: number) {
  const { asked: questions, accepted, accountOf, entries, calls, events, turns, sent } = played;
  const lines = new Map([...accepted.values()].map(({ sessionId, line: on }) => [sessionId, on]));
  const ownerOf = (sessionId: string): string | undefined => {
    const on = lines.get(sessionId);
    return on && accountOf(on);
  };

  // History and policy: a model reads its own conversation only, under its own binding's rules.
  for (const { account, system, messages } of questions) {
    const all = `${system}\n${messages.map(({ content }) => content).join("\n")}`;
    const sessions = new Set(marksIn(all).map(([, , session]) => session));
    expect(sessions.size).toBe(1);
    expectOwn(all, account);
    const on = [...lines].find(([id]) => sessions.has(id.slice(0, 8)))?.[1];
    const rules = system.match(/rules-of-\w+/g) ?? [];
    expect(rules).toEqual(on?.channel === "event" ? [] : [`rules-of-${on?.instance}${run}`]);
  }
  for (const { account_id, session_id, body } of entries) {
    expect(ownerOf(session_id)).toBe(account_id);
    expectOwn(body, account_id, session_id);
    for (const [, account] of body.matchAll(/noted for (\w+)/g)) expect(account).toBe(account_id);
  }
  // Tool results: each is of the tenant and binding that asked.
  for (const { account_id, of_turn, binding_id, tool, outcome, arguments: args, result } of calls) {
    expect(of_turn).toBe(account_id);
    expectOwn(args + result, account_id);
    if (outcome === "ok" && tool === "whoami") {
      expect(result).toContain(`i am ${account_id} ${account_id} ${binding_id}`);
    }
    // What a binding does not allow was not called, whoever else may.
    if (binding_id === `webchat:acme_two${run}` && tool === "whoami") {
      expect(outcome).toBe("not_allowed");
    }
  }
  // Events: a tenant's stream is its own, without a gap.
  for (const account of [`acme${run}`, `globex${run}`]) {
    const own = events.filter(({ account_id }) => account_id === account);
    expect(own.map(({ offset }) => offset)).toEqual(own.map((_, i) => i + 1));
    for (const { body } of own) {
      expect((JSON.parse(body) as { tenant_id: string }).tenant_id).toBe(account);
      expectOwn(body, account);
    }
  }
  for (const { sessionId, account, messages } of sent) {
    if (ownerOf(sessionId) !== account) expect(messages).toEqual([]);
    for (const { text } of messages) expectOwn(text, account, sessionId);
  }
  for (const { account_id, session_id } of turns) expect(ownerOf(session_id)).toBe(account_id);
}

function expectEachOnceInOrder({ accepted, turns }: Played) {
  const idsOf = ({ inbound_ids }: TurnRow) => JSON.parse(inbound_ids) as string[];
  expect(turns.flatMap(idsOf).toSorted()).toEqual([...accepted.keys()].toSorted());
  const place = new Map([...accepted.keys()].map((id, i) => [id, i]));
  for (const session of new Set(turns.map(({ session_id }) => session_id))) {
    const ids = turns.filter(({ session_id }) => session_id === session).flatMap(idsOf);
    for (const id of ids) expect(accepted.get(id)?.sessionId).toBe(session);
    const order = ids.map((id) => place.get(id) ?? -1);
    expect(order).toEqual(order.toSorted((a, b) => a - b));
  }
}

function expectOwnLimits({ calls, accountOf, bindingOf }: Played) {
  for (const on of LINES) {
    const own = calls.filter(({ tool, account_id, binding_id }) =>
      tool === "note" && account_id === accountOf(on) && binding_id === bindingOf(on)
    );
    const count = (wanted: string) => own.filter(({ outcome }) => outcome === wanted).length;
    // Its tenant was suspended before the call, or between the limit and the call.
    const stopped = count("not_allowed");
    const burst = BURSTS[on.instance];
    // Exactly: never more, and never fewer because of what another tenant or binding did.
    expect(count("ok")).toBeLessThanOrEqual(Math.min(own.length - stopped, burst));
    expect(count("ok")).toBeGreaterThanOrEqual(Math.min(own.length, burst) - stopped);
    expect(count("ok") + count("rate_limited") + stopped).toBe(own.length);
  }
}

function expectOwnBudgets({ asked: questions, usage, turns }: Played, run: number) {
  const usedBy = (account: string) =>
    questions.filter((one) => one.account === account)
      .reduce((sum, { tokens }) => sum + tokens, 0);
  for (const account of [`acme${run}`, `globex${run}`]) {
    const row = usage.find(({ account_id }) => account_id === account);
    expect(row?.tokens ?? 0).toBe(usedBy(account));
  }
  expect(usedBy(`acme${run}`)).toBeLessThanOrEqual(ACME_TOKENS);
  for (const { account_id, outcome, error } of turns) {
    if (outcome === "ok") continue;
    // The one way to fail here, and only the tenant with a budget can.
    expect([account_id, error]).toEqual([`acme${run}`, expect.stringContaining("budget_exceeded")]);
  }
}

describe("two tenants with one agent and one phone number", () => {
  it("T2: share no history, policy, tool result, limit, budget or event, in whatever order they write", async () => {
    let run = 0;
    const property = fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 60 }),
      fc.infiniteStream(fc.nat(1_000)),
      async (plan, numbers) => {
        const played = await play(plan, run, () => numbers.next().value as number);
        expectEachOnceInOrder(played);
        expectNothingCrossed(played, run);
        expectOwnLimits(played);
        expectOwnBudgets(played, run);
        run += 1;
      },
    );
    const seed = Number(process.env["NEXO_TEST_SEED"] ?? 20_261_127);
    // Not shrunk: a plan played again would find its tenants' limits and budgets used.
    await fc.assert(property, { seed, numRuns: RUNS, endOnFailure: true });
  });
});
