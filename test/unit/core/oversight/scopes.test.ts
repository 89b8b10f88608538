import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ConversationKey, ProcessingScope } from "../../../../core/contract/mod.ts";
import { createPauses, type Pause } from "../../../../core/oversight/pauses.ts";
import { resolveScope, tenantOfScope } from "../../../../core/oversight/resolve_scope.ts";
import {
  conversationScope,
  type Scope,
  scopeColumns,
  scopeKey,
  scopeOfRow,
  wireScope,
} from "../../../../core/oversight/scopes.ts";
import { settingsOf } from "../../../support/settings.ts";

const settings = await settingsOf({
  "tenants.yaml": "tenants: { acme: {}, globex: {}, bots: {} }",
  "agents.yaml": `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    inbound_bindings:
      - { plugin: webchat, instance: acme }
      - { plugin: webchat, instance: globex }
      - { plugin: telegram, instance: bots }
      - { plugin: telegram, instance: night }
    event_subscribers: [{ id: jobs, subject_pattern: webhook.jobs.* }]
  - { id: own, tenant_id: acme, model: { provider: offline, model: rules } }
`,
  "plugins/telegram.yaml": `
telegram:
  - { instance: bots, account_id: acme, token: t }
  - { instance: night, account_id: bots, token: u }
`,
});
const all = { settings, sees: () => true, known: [] };

function conversation(over: Partial<ProcessingScope & { kind: "conversation" }> = {}) {
  return {
    kind: "conversation" as const,
    agent_id: "ana",
    channel: "webchat",
    account_id: "acme",
    contact_id: "visitor",
    ...over,
  };
}

describe("resolveScope()", () => {
  it("P7: takes tenant or instance for the same thing, and its own spelling back", () => {
    const scope = conversationScope({
      account_id: "acme",
      agent_id: "ana",
      channel: "webchat",
      instance: "acme",
      contact: "visitor",
    });
    expect(resolveScope(conversation(), all)).toEqual({ kind: "found", scope });
    expect(resolveScope(wireScope(scope), all)).toEqual({ kind: "found", scope });
    expect(resolveScope({ kind: "agent", agent_id: "own" }, all)).toEqual({
      kind: "found",
      scope: { kind: "agent", account: "acme", agentId: "own" },
    });
  });

  it("refuses to guess, and takes a hint", () => {
    // "bots" is acme's instance, and a tenant with the instance "night".
    const given = conversation({ channel: "telegram", account_id: "bots" });
    expect(resolveScope(given, all)).toMatchObject({ kind: "ambiguous" });
    expect(resolveScope({ ...given, tenant_id: "acme" }, all)).toMatchObject({
      scope: { account: "acme", instance: "bots" },
    });
    expect(resolveScope({ ...given, instance: "night" }, all)).toMatchObject({
      scope: { account: "bots", instance: "night" },
    });
    expect(resolveScope({ kind: "agent", agent_id: "ana" }, all)).toMatchObject({
      kind: "ambiguous",
    });
    const jobs = conversation({ channel: "event", account_id: "jobs", contact_id: "jobs" });
    expect(resolveScope(jobs, all).kind).toBe("ambiguous");
    expect(resolveScope({ ...jobs, account_id: "globex" }, all)).toMatchObject({
      scope: { account: "globex", instance: "jobs" },
    });
  });

  it("does not know what no binding leads to, unless it stands", () => {
    const gone = conversation({ channel: "email" });
    expect(resolveScope(gone, all)).toEqual({ kind: "unknown" });
    const scope: Scope = {
      kind: "conversation",
      account: "acme",
      agentId: "ana",
      channel: "email",
      instance: "desk",
      contact: "visitor",
    };
    expect(resolveScope(gone, { ...all, known: [scope] })).toEqual({ kind: "found", scope });
    expect(resolveScope({ ...gone, contact_id: "other" }, { ...all, known: [scope] }).kind)
      .toBe("unknown");
  });

  it("names the tenant of whatever somebody wrote, if it has one", () => {
    const given = { settings, known: [] };
    expect(tenantOfScope(conversation(), given)).toBe("acme");
    expect(tenantOfScope({ kind: "agent", agent_id: "ana" }, given)).toBeUndefined();
    expect(tenantOfScope({ kind: "nothing" }, given)).toBeUndefined();
    expect(tenantOfScope(7, given)).toBeUndefined();
  });

  it("never tells a caller of another tenant", () => {
    const name = fc.constantFrom("acme", "globex", "bots", "night", "jobs", "default", "x");
    const given = fc.record({
      kind: fc.constantFrom("conversation" as const, "agent_binding" as const, "agent" as const),
      agent_id: fc.constantFrom("ana", "own", "nobody"),
      channel: fc.constantFrom("webchat", "telegram", "event", "email"),
      account_id: name,
      tenant_id: fc.option(name, { nil: undefined }),
      instance: fc.option(name, { nil: undefined }),
      contact_id: fc.constant("visitor"),
    });
    fc.assert(fc.property(given, name, (scope, mine) => {
      const known: Scope[] = [{ kind: "agent", account: "globex", agentId: "ana" }];
      const found = resolveScope(scope, {
        settings,
        sees: (account) => account === mine,
        known,
      });
      const meant = found.kind === "found"
        ? [found.scope]
        : found.kind === "ambiguous"
        ? found.meant
        : [];
      for (const { account } of meant) expect(account).toBe(mine);
    }));
  });
});

const part = fc.constantFrom("a", "b", '"', "a/b");
const key: fc.Arbitrary<ConversationKey> = fc.record({
  account_id: fc.constantFrom("acme", "globex"),
  agent_id: part,
  channel: part,
  instance: part,
  contact: part,
});
const scope: fc.Arbitrary<Scope> = fc.record({
  kind: fc.constantFrom("conversation" as const, "agent_binding" as const, "agent" as const),
  of: key,
}).map(({ kind, of }) => scopeOfRow({ ...of, kind }));

function pauseOf(of: Scope): Pause {
  return {
    scope: of,
    id: `${of.account} ${scopeKey(of)}`,
    pausedAtMs: 0,
    operator: { hash: "h", name: null },
    reason: null,
    leaseUntilMs: 0,
    actedAtMs: 0,
    autoResumeMs: null,
    alertedAtMs: null,
  };
}

/** Whether a scope covers a conversation, spelled out. */
function covers(of: Scope, at: ConversationKey): boolean {
  if (of.account !== at.account_id || of.agentId !== at.agent_id) return false;
  if (of.kind === "agent") return true;
  if (of.channel !== at.channel || of.instance !== at.instance) return false;
  return of.kind === "agent_binding" || of.contact === at.contact;
}

describe("createPauses()", () => {
  it("holds everything until it is loaded", () => {
    const pauses = createPauses();
    const at = { account_id: "acme", agent_id: "a", channel: "a", instance: "a", contact: "a" };
    expect(pauses.holds(at)).toBe(true);
    pauses.load([]);
    expect(pauses.holds(at)).toBe(false);
  });

  it("holds exactly what a pause covers, never across tenants, and nothing once all are over", () => {
    fc.assert(
      fc.property(fc.array(scope, { maxLength: 6 }), key, (scopes, at) => {
        const pauses = createPauses();
        pauses.load(scopes.slice(0, 2).map(pauseOf));
        for (const each of scopes.slice(2)) pauses.set(pauseOf(each));
        const isCovered = scopes.some((each) => covers(each, at));
        expect(pauses.holds(at)).toBe(isCovered);
        expect(pauses.over(at) !== undefined).toBe(isCovered);
        for (const each of pauses.allOver(at)) expect(covers(each.scope, at)).toBe(true);
        for (const each of scopes) pauses.delete(each);
        expect(pauses.holds(at)).toBe(false);
      }),
      { numRuns: 2_000 },
    );
  });

  it("stops what agents send to whoever an operator speaks to, and nothing of operators", () => {
    fc.assert(fc.property(fc.array(scope, { maxLength: 5 }), key, (scopes, at) => {
      const pauses = createPauses();
      pauses.load(scopes.map(pauseOf));
      const outbound = {
        ...at,
        id: "1",
        session_id: "s",
        turn_id: null,
        body: { kind: "text" as const, text: "", to: null, reply_to_msg_id: null },
        expires_at_ms: 0,
      };
      const isTheirs = scopes.some((each) =>
        covers(each, at) ||
        (each.kind === "conversation" && covers({ ...each, agentId: at.agent_id }, at))
      );
      expect(pauses.stops(outbound) === "paused").toBe(isTheirs);
      expect(pauses.stops({ ...outbound, author: "operator" })).toBeUndefined();
    }));
  });

  it("is shut until each who shut it has opened it", async () => {
    const pauses = createPauses();
    pauses.load([]);
    const at = { account_id: "acme", agent_id: "a", channel: "a", instance: "a", contact: "a" };
    const [first, second] = [
      pauses.shut(conversationScope(at)),
      pauses.shut(conversationScope(at)),
    ];
    let isSettled = false;
    const settled = pauses.settled(at).then(() => (isSettled = true));
    first();
    first();
    expect([pauses.holds(at), isSettled]).toEqual([true, false]);
    second();
    await settled;
    expect(pauses.holds(at)).toBe(false);
  });
});

describe("scopes", () => {
  it("come back from their columns, and have keys of their own", () => {
    fc.assert(fc.property(scope, scope, (a, b) => {
      expect(scopeOfRow(scopeColumns(a))).toEqual(a);
      const same = JSON.stringify(a) === JSON.stringify(b);
      expect(`${a.account} ${scopeKey(a)}` === `${b.account} ${scopeKey(b)}`).toBe(same);
    }));
  });
});
