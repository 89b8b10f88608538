import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { type AgentEvent, AgentEventKindName } from "../../../../core/contract/mod.ts";
import { createEventLog, type StoredEvent } from "../../../../core/events/event_log.ts";
import { OPERATOR_STREAM, rowsForEvents } from "../../../../core/events/event_rows.ts";
import type { LogFields } from "../../../../core/flow/log.ts";
import { insert, type Store } from "../../../../core/store/store.ts";
import { openTestStore, silentLog } from "../../../support/store.ts";

function dropped(agent: string, atMs: number, extra: object = {}): AgentEvent {
  return {
    kind: "pending_inbounds_dropped",
    agent_id: agent,
    scope: { kind: "agent", agent_id: agent },
    dropped: 1,
    at_ms: atMs,
    ...extra,
  };
}

function microapp(atMs: number): AgentEvent {
  return { kind: "microapp_state", microapp_id: "shop", state: "ready", at_ms: atMs };
}

const put = (store: Store, account: string, ...events: AgentEvent[]): Promise<void> =>
  store.commit(rowsForEvents({ account, events }));

const member = (event: StoredEvent, name: string): unknown =>
  (JSON.parse(event.body) as Record<string, unknown>)[name];

describe("rowsForEvents", () => {
  it("stamps the tenant from the account, never from the event", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    await put(test.store, "acme", dropped("ana", 1, { tenant_id: "globex" }));
    await put(test.store, OPERATOR_STREAM, { ...microapp(2), tenant_id: "globex" });
    const { events } = await log.listForOperator({});
    expect(events.map((event) => member(event, "tenant_id"))).toEqual([undefined, "acme"]);
    expect((await log.list({ account: "globex" })).events).toEqual([]);
  });

  it("gives out offsets without a gap, per account and over all, also past failing units", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    const bad = insert("meta", { key: "k", value: "v" });
    await test.store.commit([bad]);
    const units = Array.from({ length: 30 }, (_, i) => {
      const writes = rowsForEvents({
        account: i % 2 === 0 ? "acme" : "globex",
        events: [dropped("ana", i), dropped("ana", i)],
      });
      return test.store.commit(i % 3 === 0 ? [...writes, bad] : writes);
    });
    await Promise.allSettled(units);
    const all = await log.listForOperator({ after: 0, limit: 1000 });
    expect(all.events.map(({ id }) => id)).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    for (const account of ["acme", "globex"]) {
      const { events } = await log.list({ account, after: 0, limit: 1000 });
      expect(events.map(({ offset }) => offset)).toEqual(
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
    }
  });
});

describe("EventLog.list", () => {
  it("F4: pages without a gap or a repeat in either direction, at any page size", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    for (let i = 0; i < 70; i++) {
      await put(
        test.store,
        i % 3 === 0 ? "globex" : "acme",
        dropped(i % 2 === 0 ? "ana" : "bob", i),
      );
    }
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 80 }),
        fc.boolean(),
        fc.option(fc.constantFrom("ana", "bob"), { nil: undefined }),
        fc.constantFrom("acme", "globex", undefined),
        async (limit, ascending, agentId, account) => {
          const seen: number[] = [];
          let cursor: number | undefined = ascending ? 0 : undefined;
          do {
            const query = {
              limit,
              agentId,
              ...(ascending ? { after: cursor } : { before: cursor }),
            };
            const page = account === undefined
              ? await log.listForOperator(query)
              : await log.list({ account, ...query });
            seen.push(...page.events.map(({ atMs }) => atMs));
            cursor = page.cursor;
          } while (cursor !== undefined && seen.length < 100);
          const expected = Array.from({ length: 70 }, (_, i) => i)
            .filter((i) => account === undefined || (i % 3 === 0) === (account === "globex"))
            .filter((i) => agentId === undefined || (i % 2 === 0) === (agentId === "ana"));
          expect(seen).toEqual(ascending ? expected : expected.reverse());
        },
      ),
      { numRuns: 30 },
    );
  });

  it("F4: keeps events of every kind there is", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    const kinds = AgentEventKindName.options;
    const times = { sent_at_ms: 1, requested_at_ms: 1, resolved_at_ms: 1 };
    await put(
      test.store,
      "acme",
      ...kinds.map((kind) => ({ ...dropped("ana", 1, times), kind }) as AgentEvent),
    );
    for (const kind of kinds) {
      const { events } = await log.list({ account: "acme", kinds: [kind] });
      expect(events.map(({ body }) => JSON.parse(body) as unknown), kind).toMatchObject([
        { kind, tenant_id: "acme" },
      ]);
    }
  });

  it("filters by kind and time, and shows nobody's events to an unknown account", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    await put(test.store, "acme", dropped("ana", 10), microapp(20), dropped("ana", 30));
    const dropping = await log.list({ account: "acme", kinds: ["pending_inbounds_dropped"] });
    expect(dropping.events.map(({ atMs }) => atMs)).toEqual([30, 10]);
    expect((await log.list({ account: "acme", sinceMs: 20 })).events).toHaveLength(2);
    expect((await log.list({ account: "acme", kinds: [] })).events).toEqual([]);
    expect(await log.list({ account: "nobody" })).toEqual({ events: [] });
  });

  it("takes limits that make no sense as 50 and never gives more than 1,000", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    await put(test.store, "acme", ...Array.from({ length: 1010 }, (_, i) => dropped("ana", i)));
    for (const [limit, count] of [[0, 50], [-1, 50], [NaN, 50], [1.9, 1], [5000, 1000]] as const) {
      expect((await log.list({ account: "acme", limit })).events).toHaveLength(count);
    }
  });
});

describe("EventLog.range", () => {
  it("tells how far a stream reaches, also when its beginning is gone", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    expect(await log.range({ account: "acme" })).toEqual({ first: 1, head: 0 });
    await put(test.store, "globex", microapp(1));
    await put(test.store, "acme", microapp(1), microapp(2), microapp(3));
    expect(await log.range({ account: "acme" })).toEqual({ first: 1, head: 3 });
    expect(await log.range("operator")).toEqual({ first: 1, head: 4 });
    const trim = (sql: string) => test.store.commit([{ type: "statement", sql, args: [] }]);
    await trim("DELETE FROM agent_events WHERE account_id = 'acme' AND offset < 3");
    expect(await log.range({ account: "acme" })).toEqual({ first: 3, head: 3 });
    await trim("DELETE FROM agent_events");
    expect(await log.range({ account: "acme" })).toEqual({ first: 4, head: 3 });
  });
});

describe("EventLog.listen", () => {
  it("F5: tells each scope its own events, in order, once they can be read", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    const heard: Record<string, StoredEvent[]> = { acme: [], globex: [], operator: [] };
    for (const account of ["acme", "globex"]) {
      log.listen({ account }, (events) => heard[account]?.push(...events));
    }
    log.listen("operator", (events) => heard["operator"]?.push(...events));
    await Promise.all([
      put(test.store, "acme", dropped("ana", 1), dropped("ana", 2)),
      put(test.store, "globex", dropped("ana", 3)),
      put(test.store, OPERATOR_STREAM, microapp(4)),
      put(test.store, "acme", dropped("ana", 5)),
    ]);
    expect(heard["acme"]).toEqual((await log.list({ account: "acme", after: 0 })).events);
    expect(heard["globex"]).toEqual((await log.list({ account: "globex", after: 0 })).events);
    expect(heard["operator"]).toEqual((await log.listForOperator({ after: 0 })).events);
    expect(heard["operator"]).toHaveLength(5);
  });

  it("hears nothing of a unit that failed", async () => {
    await using test = await openTestStore();
    using log = createEventLog({ store: test.store, log: silentLog });
    const heard: StoredEvent[] = [];
    log.listen("operator", (events) => heard.push(...events));
    const bad = insert("meta", { key: "k", value: "v" });
    await test.store.commit([bad]);
    const failing = test.store.commit([
      ...rowsForEvents({ account: "acme", events: [dropped("ana", 1)] }),
      bad,
    ]);
    await Promise.allSettled([failing, put(test.store, "acme", dropped("ana", 2))]);
    expect(heard.map(({ atMs, offset }) => [atMs, offset])).toEqual([[2, 1]]);
  });

  it("lets no throwing listener keep events from the others, and logs it", async () => {
    await using test = await openTestStore();
    const logged: [string, LogFields | undefined][] = [];
    const errors = {
      ...silentLog,
      error: (event: string, fields?: LogFields) => logged.push([event, fields]),
    };
    using log = createEventLog({ store: test.store, log: errors });
    const heard: number[] = [];
    log.listen({ account: "acme" }, () => {
      throw new Error("listener is broken");
    });
    log.listen({ account: "acme" }, (events) => heard.push(events.length));
    await put(test.store, "acme", dropped("ana", 1));
    expect(heard).toEqual([1]);
    expect(logged).toEqual([["events.listener_failed", { error: "listener is broken" }]]);
  });

  it("stops telling a listener that stopped, and only that one", async () => {
    await using test = await openTestStore();
    const log = createEventLog({ store: test.store, log: silentLog });
    const heard: string[] = [];
    const listener = (name: string) => () => heard.push(name);
    const same = listener("same");
    const stop = log.listen({ account: "acme" }, same);
    log.listen({ account: "acme" }, same);
    const stopOperator = log.listen("operator", listener("operator"));
    stop();
    stop();
    await put(test.store, "acme", dropped("ana", 1));
    expect(heard).toEqual(["operator", "same"]);
    stopOperator();
    log[Symbol.dispose]();
    await put(test.store, "acme", dropped("ana", 2));
    expect(heard).toHaveLength(2);
  });
});
