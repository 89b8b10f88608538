/**
 * Asking models the whole way: providers by tenant, retries, fallbacks, rest, budgets, the ledger.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { closeInterrupted, rowsForOpened } from "../../../core/models/budget/ledger.ts";
import { readUsage } from "../../../core/models/budget/usage.ts";
import type { AskModel, ModelCaller, ModelProgress } from "../../../core/models/model.ts";
import { createModels } from "../../../core/models/models.ts";
import type { Settings } from "../../../core/settings/settings.ts";
import { type ModelServer, openModelServer } from "../../support/model_server.ts";
import { settingsOf } from "../../support/settings.ts";
import { uuid } from "../../support/spine.ts";
import { openTestStore, silentLog, type TestStore } from "../../support/store.ts";

const AGENTS = "agents: [{ id: ana, model: { provider: offline, model: rules } }]\n";
const RETRY = "retry: { initial_backoff_ms: 1, max_backoff_ms: 50, max_attempts: 3 }\n";
const FAST = "rate_limit: { requests_per_second: 10000 }";
const caller = { account: "acme", agentId: "ana", turnId: "t" };
const never = new AbortController().signal;
const question = {
  system: "",
  messages: [{ role: "user" as const, content: "hi" }],
  tools: [],
  signal: never,
};
const prov = { provider: "prov", model: "m" };

type DropFirst<T extends readonly unknown[]> = T extends readonly [unknown, ...infer R] ? R : never;

interface Place extends AsyncDisposable {
  readonly store: TestStore["store"];
  readonly ask: (
    who: Omit<ModelCaller, "commit">,
    ...what: DropFirst<Parameters<AskModel>>
  ) => ReturnType<AskModel>;
  readonly change: (files: Record<string, string>) => Promise<void>;
  readonly keys: Map<string, string>;
  readonly usage: (account?: string) => ReturnType<typeof readUsage>;
}

async function open(files: Record<string, string>): Promise<Place> {
  const at = await openTestStore();
  const keys = new Map<string, string>();
  const load = (more: Record<string, string>): Promise<Settings> =>
    settingsOf({ "agents.yaml": AGENTS, ...more });
  let settings = await load(files);
  const ask = createModels({
    store: at.store,
    settings: () => settings,
    secretOf: (name) => keys.get(name),
    uuid,
    now: Date.now,
    jitter: () => 0.5,
    log: silentLog,
  });
  return {
    store: at.store,
    keys,
    ask: (who, ...what) => ask({ ...who, commit: (writes) => at.store.commit(writes) }, ...what),
    change: async (more) => void (settings = await load(more)),
    usage: (account) => readUsage(at.store, { account, sinceMs: 0, by: "model" }),
    [Symbol.asyncDispose]: () => at[Symbol.asyncDispose](),
  };
}

const llm = (server: ModelServer, more = ""): string =>
  `${RETRY}providers:\n  prov: { base_url: "${server.baseUrl}", ${FAST}${more} }\n`;
async function kept(place: Place, asking: ReturnType<AskModel>) {
  const asked = await asking;
  await place.store.commit(asked.writes);
  return asked;
}

describe("createModels()", () => {
  it("tries again after 500 and 429, and tells a listener to begin anew", async () => {
    await using server = await openModelServer(
      "openai_compatible",
      { kind: "status", status: 500 },
      { kind: "cut", how: "broken" },
      { kind: "answer", text: "well" },
    );
    await using place = await open({ "llm.yaml": llm(server) });
    const heard: ModelProgress["kind"][] = [];
    const { step } = await kept(
      place,
      place.ask(caller, prov, { ...question, onProgress: ({ kind }) => void heard.push(kind) }),
    );
    expect(step).toMatchObject({ answer: { text: "well" }, by: prov });
    expect(server.heard).toHaveLength(3);
    expect(heard.filter((kind) => kind === "restarted")).toHaveLength(1);
    expect(await place.usage()).toMatchObject([
      { calls: 3, failed_calls: 1, unknown_calls: 1, tokens_in: 10, tokens_out: 5 },
    ]);
  });

  it("leaves a wait that is too long to the caller", async () => {
    await using server = await openModelServer("openai_compatible", {
      kind: "status",
      status: 429,
      headers: { "retry-after": "120" },
    });
    await using place = await open({ "llm.yaml": llm(server) });
    await expect(place.ask(caller, prov, question)).rejects.toMatchObject({
      code: "model_rate_limited",
      retryAfterMs: 120_000,
    });
    expect(server.heard).toHaveLength(1);
  });

  it("asks the fallbacks in order, and says who answered", async () => {
    await using down = await openModelServer("openai_compatible", { kind: "status", status: 503 });
    await using locked = await openModelServer("anthropic", { kind: "status", status: 401 });
    await using well = await openModelServer("google", { kind: "answer", text: "I can" });
    await using place = await open({
      "llm.yaml": `${RETRY}providers:
  prov: { base_url: "${down.baseUrl}", ${FAST}, fallbacks: [{ provider: two, model: b }, { provider: three, model: c }] }
  two: { base_url: "${locked.baseUrl}", api_flavor: anthropic, api_key: k }
  three: { base_url: "${well.baseUrl}", api_flavor: google, api_key: k }
`,
    });
    const { step } = await kept(place, place.ask(caller, prov, question));
    expect(step).toMatchObject({
      answer: { text: "I can" },
      by: { provider: "three", model: "c" },
    });
    expect([down, locked, well].map(({ heard }) => heard.length)).toEqual([3, 1, 1]);
  });

  it("asks no fallback when the question itself is refused", async () => {
    await using server = await openModelServer("openai_compatible", {
      kind: "status",
      status: 400,
    });
    await using place = await open({
      "llm.yaml": llm(server, ", fallbacks: [{ provider: offline, model: rules }]"),
    });
    await expect(place.ask(caller, prov, question)).rejects.toMatchObject({
      code: "model_bad_request",
    });
  });

  it("L3: lets a provider rest that failed five times, and sends one call to try", async () => {
    await using server = await openModelServer("openai_compatible", {
      kind: "status",
      status: 500,
    });
    await using place = await open({ "llm.yaml": llm(server) });
    for (let i = 0; i < 4; i++) await place.ask(caller, prov, question).catch(() => undefined);
    expect(server.heard).toHaveLength(5);
    await expect(place.ask({ ...caller, account: "globex" }, prov, question)).rejects.toThrow(
      /rests/,
    );
  });

  it("L1, L2: uses the tenant's own provider and key, and a rotated key at the next call", async () => {
    await using mine = await openModelServer("openai_compatible");
    await using all = await openModelServer("openai_compatible");
    await using place = await open({
      "llm.yaml": `providers: { prov: { base_url: "${all.baseUrl}", ${FAST}, api_key: shared } }
tenants: { acme: { providers: { prov: { base_url: "${mine.baseUrl}", ${FAST}, api_key_env: ACME } } } }`,
    });
    place.keys.set("ACME", "first");
    await place.ask(caller, prov, question);
    place.keys.set("ACME", "second");
    await place.ask(caller, prov, question);
    await place.ask({ ...caller, account: "globex" }, prov, question);
    expect(mine.heard.map(({ headers }) => headers["authorization"])).toEqual([
      "Bearer first",
      "Bearer second",
    ]);
    expect(all.heard.map(({ headers }) => headers["authorization"])).toEqual(["Bearer shared"]);
    await place.change({ "tenants.yaml": "tenants: { acme: {}, globex: {} }" });
    await expect(place.ask(caller, prov, question)).rejects.toMatchObject({
      code: "model_unknown",
    });
  });

  it("refuses a tenant a provider that its llm_provider_refs leave out", async () => {
    await using server = await openModelServer("openai_compatible");
    await using place = await open({
      "llm.yaml":
        `providers: { prov: { base_url: "${server.baseUrl}" }, other: { base_url: "http://x" } }`,
      "tenants.yaml": "tenants: { acme: { llm_provider_refs: [other] }, globex: {} }",
    });
    await expect(place.ask(caller, prov, question)).rejects.toMatchObject({
      code: "model_unknown",
    });
    expect(server.heard).toEqual([]);
  });

  it("L3: lets 200 calls at once spend no more than a budget for 100, and counts as the provider", async () => {
    const usage = { input: 70, output: 30, cached: 20 };
    await using server = await openModelServer("openai_compatible", {
      kind: "answer",
      text: "x",
      usage,
    });
    await using place = await open({
      "llm.yaml": llm(server, ", max_output_tokens: 30"),
      "tenants.yaml": "tenants: { acme: { budgets: { tokens_per_day: 10000 } }, globex: {} }",
    });
    const ends = await Promise.allSettled(
      Array.from({ length: 200 }, () => {
        const { signal } = new AbortController();
        return kept(place, place.ask(caller, prov, { ...question, signal }));
      }),
    );
    const { input, output, cached, answers } = server.counted;
    expect(input + output).toBeLessThanOrEqual(10_000);
    // What is left over is less than one more call could take.
    expect(answers).toBeGreaterThanOrEqual(98);
    for (const end of ends) {
      if (end.status === "rejected") {
        expect(end.reason).toMatchObject({
          budget: "tokens_per_day",
          limit: 10_000,
          agentId: null,
        });
      }
    }
    expect(ends.filter(({ status }) => status === "fulfilled")).toHaveLength(answers);
    expect(await place.usage("acme")).toMatchObject([
      { calls: answers, tokens_in: input, tokens_out: output, tokens_cached: cached },
    ]);
    expect(await place.usage("globex")).toEqual([]);
    expect(await place.store.read("SELECT kind FROM agent_events")).toHaveLength(2);
  });

  it("counts money by the operator's prices, and asks no model without a price", async () => {
    const usage = { input: 1_000_000, output: 100_000, cached: 400_000 };
    await using server = await openModelServer("openai_compatible", { kind: "answer", usage });
    const priced = `prices: { "prov/*": { input: 2, cached_input: 0.5, output: 10 } }\n`;
    const tenants = (usd: number) => ({
      "tenants.yaml": `tenants: { acme: { budgets: { usd_per_month: ${usd} } }, globex: {} }`,
    });
    await using place = await open({ "llm.yaml": priced + llm(server), ...tenants(5) });
    const { step } = await kept(place, place.ask(caller, prov, question));
    expect(step.costMicros).toBe(1_200_000 + 200_000 + 1_000_000);
    await place.change({ "llm.yaml": llm(server), ...tenants(5) });
    await expect(place.ask(caller, prov, question)).rejects.toMatchObject({
      code: "model_unpriced",
    });
    await place.change({ "llm.yaml": priced + llm(server), ...tenants(2.4) });
    await expect(place.ask(caller, prov, question)).rejects.toMatchObject({
      budget: "usd_per_month",
      used: 2.4,
    });
  });

  it("has a cheaper model answer from a part of the budget on", async () => {
    await using server = await openModelServer("openai_compatible", {
      kind: "answer",
      usage: { input: 4_000, output: 1_000 },
    });
    await using place = await open({
      "llm.yaml": llm(server),
      "tenants.yaml":
        "tenants: { acme: { budgets: { tokens_per_day: 20000, downgrade: { at: 0.25, provider: prov, model: small } } }, globex: {} }",
    });
    expect((await place.ask(caller, prov, question)).step.by.model).toBe("m");
    expect((await place.ask(caller, prov, question)).step.by.model).toBe("small");
  });

  it("counts a call that a crash interrupted with what was reserved for it, once", async () => {
    await using place = await open({
      "tenants.yaml": "tenants: { acme: { budgets: { tokens_per_day: 1000 } }, globex: {} }",
    });
    const call = {
      ...caller,
      ...prov,
      id: uuid(),
      reservedTokens: 900,
      reservedMicros: 5,
      atMs: Date.now(),
    };
    await place.store.commit(rowsForOpened(call));
    expect(await closeInterrupted(place.store, Date.now())).toBe(1);
    expect(await closeInterrupted(place.store, Date.now())).toBe(0);
    expect(await place.usage("acme")).toMatchObject([
      { calls: 1, unknown_calls: 1, unknown_tokens: 900, unknown_micros: 5, tokens_in: 0 },
    ]);
    await expect(
      place.ask(caller, { provider: "offline", model: "rules" }, question),
    ).rejects.toMatchObject({ code: "budget_exceeded", used: 900 });
  });
});
