import { describe, expect, it } from "vitest";
import { TenantBudgets } from "../../../../core/contract/mod.ts";
import { createLines } from "../../../../core/daemon/lines.ts";
import { createOverviews } from "../../../../core/daemon/overviews.ts";
import { rowsForEvents } from "../../../../core/events/event_rows.ts";
import type { Settings } from "../../../../core/settings/settings.ts";
import { insert } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";

const NOON_MS = Date.UTC(2026, 0, 31, 12);
const DAY = Math.floor(NOON_MS / 86_400_000);
const UUID = "01900000-0000-7000-8000-00000000000a";

const usage = (account_id: string, day: number, tokens: number) =>
  insert("usage", {
    account_id,
    day,
    agent_id: "ana",
    provider: "p",
    model: "m",
    calls: 1,
    failed_calls: 0,
    unknown_calls: 0,
    tokens_in: tokens,
    tokens_out: 0,
    tokens_cached: 0,
    cost_micros: 250_000,
    unknown_tokens: 1,
    unknown_micros: 0,
  });

const tenant = (id: string, given: object = {}) =>
  [id, { id, display_name: id.toUpperCase(), active: true, ...given }] as const;

describe("createOverviews()", () => {
  it("tells each tenant's own use of this day and month, beside its budgets", async () => {
    await using opened = await openTestStore();
    await opened.store.commit([
      usage("acme", DAY, 70),
      usage("acme", DAY - 1, 30),
      usage("acme", DAY - 31, 1_000),
      usage("globex", DAY, 5),
    ]);
    const budgets = TenantBudgets.parse({
      tokens_per_day: 100,
      usd_per_month: 1,
      agents: { ana: { tokens_per_month: 500 } },
    });
    const settings = {
      version: 3,
      tenants: new Map([
        tenant("zeta"),
        tenant("acme", { budgets }),
        tenant("globex"),
      ]),
      agents: new Map([["own", { id: "own", tenant_id: "globex" }]]),
    } as unknown as Settings;
    const { tenants } = createOverviews({
      store: opened.store,
      config: {
        current: () => settings,
        problems: () => [],
        refusal: () => undefined,
        reloads: () => ({ applied: 0, rejected: 0 }),
      },
      now: () => NOON_MS,
    });
    const all = await tenants({ text: undefined, after: undefined, limit: 10 });
    expect(all.map(({ account_id, tokens_today, tokens_month, agents }) => [
      account_id,
      tokens_today,
      tokens_month,
      agents,
    ])).toEqual([["acme", 71, 102, []], ["globex", 6, 6, ["own"]], ["zeta", 0, 0, []]]);
    const midnight = Date.UTC(2026, 1, 1);
    expect(all[0]?.budgets).toEqual([
      { name: "tokens_per_day", agent_id: null, used: 71, limit: 100, resets_at_ms: midnight },
      { name: "usd_per_month", agent_id: null, used: 0.5, limit: 1, resets_at_ms: midnight },
      { name: "tokens_per_month", agent_id: "ana", used: 102, limit: 500, resets_at_ms: midnight },
    ]);
    const page = await tenants({ text: "E", after: "acme", limit: 1 });
    expect(page.map(({ account_id }) => account_id)).toEqual(["globex"]);
    expect(await tenants({ text: "nobody", after: undefined, limit: 5 })).toEqual([]);
  });
});

describe("createLines()", () => {
  it("says of each line who answers, why it fails, and what waits to be sent", async () => {
    await using opened = await openTestStore();
    const outbound = (id: string, instance: string, attempts: number, created_at_ms: number) =>
      insert("outbox", {
        id,
        account_id: "acme",
        agent_id: "ana",
        session_id: "s",
        channel: "telegram",
        instance,
        contact: "7",
        turn_id: null,
        sealed: null,
        state: "queued",
        attempts,
        next_at_ms: 1,
        expires_at_ms: 2,
        created_at_ms,
        sent_at_ms: null,
        receipt: null,
        author: "agent",
      });
    const where = { agent_id: "ana", session_id: UUID, turn_id: UUID };
    await opened.store.commit([
      outbound("1", "acme", 0, 50),
      outbound("2", "acme", 3, 40),
      ...rowsForEvents({
        account: "acme",
        events: [
          {
            kind: "turn_started",
            ...where,
            binding_id: "telegram:acme",
            trigger: "channel",
            attempt: 1,
            at_ms: 60,
          },
          {
            kind: "outbound_failed",
            ...where,
            outbound_id: UUID,
            channel: "telegram",
            instance: "acme",
            reason: "blocked",
            at_ms: 70,
          },
        ],
      }),
    ]);
    const bound = (...instances: string[]) => ({
      id: "ana",
      active: true,
      channels: { enabled: false, approved: [] },
      inbound_bindings: instances.map((instance) => ({ plugin: "telegram", instance })),
    });
    const settings = {
      tenants: new Map([tenant("acme"), tenant("globex")]),
      agents: new Map([["ana", bound("acme", "globex", "off")]]),
      plugins: { telegram: [{ instance: "off", enabled: false }, { instance: "lonely" }] },
    } as unknown as Settings;
    const telegram = {
      id: "telegram",
      repeats: false,
      sends: new Set(["text" as const]),
      send: () => Promise.reject(new Error("not here")),
    };
    const lines = createLines({
      store: opened.store,
      settings: () => settings,
      channels: new Map([["telegram", telegram]]),
      credentials: {
        list: () => [
          {
            channel: "telegram",
            instance: "acme",
            account: "acme",
            registeredBy: "shop",
            registeredAtMs: 9,
          },
        ],
      },
      edgeConfig: () => ({ sources: [] }),
      channelHealth: () =>
        Promise.resolve([
          { channel: "telegram", instance: "globex", state: "not_ready", reason: "no token" },
        ]),
    });
    const found = await lines();
    expect(found.map(({ instance, state, reason }) => [instance, state, reason])).toEqual([
      ["acme", "ready", null],
      ["globex", "failing", "no token"],
      ["lonely", "unanswered", 'no active agent answers on "telegram:lonely"'],
      ["off", "off", "enabled is false in plugins/telegram.yaml"],
    ]);
    expect(found[0]).toMatchObject({
      account_id: "acme",
      agents: ["ana"],
      credential: { account_id: "acme", registered_by: "shop", registered_at_ms: 9 },
      waiting: 2,
      retrying: 1,
      oldest_waiting_ms: 40,
      last_turn_ms: 60,
      last_sent_ms: null,
      last_failed_ms: 70,
    });
    expect(found[1]).toMatchObject({ credential: null, waiting: 0, last_turn_ms: null });
  });
});
