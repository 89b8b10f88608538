/**
 * Statements over rows of values: many callers, one statement, and each gets what is its own.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { append, bulk, insert, type Store, type Write } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";

const set = (key: string, value: string): Write =>
  bulk(
    `WITH given (key, value) AS (VALUES $rows)
     UPDATE meta SET value = given.value FROM given WHERE meta.key = given.key`,
    [[key, value]],
    "one each",
  );
/** Marks what is `ready` as done: whether it does depends on what ran before. */
const finish = (key: string): Write =>
  bulk(
    "UPDATE meta SET value = 'done' WHERE value = 'ready' AND key IN (VALUES $rows)",
    [[key]],
    "one each",
  );
const event = (account: string): Write =>
  append("agent_events", ["events", `events:${account}`], ([all, own]) => ({
    row: {
      id: all?.offset ?? 0,
      account_id: account,
      offset: own?.offset ?? 0,
      kind: "test",
      at_ms: 0,
      body: "{}",
    },
  }));

async function filled(store: Store, keys: readonly string[]): Promise<void> {
  await store.commit(keys.map((key) => insert("meta", { key, value: "new" })));
}

const read = (store: Store) =>
  store.read<{ key: string; value: string }>("SELECT key, value FROM meta ORDER BY key");

describe("bulk()", () => {
  it("fails the units alone whose rows did not change, with all they wanted", async () => {
    const key = fc.constantFrom(..."abcdefghij".split(""));
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(key), fc.uniqueArray(key), async (there, wanted) => {
        await using opened = await openTestStore();
        const { store } = opened;
        await filled(store, there);
        const ends = await Promise.allSettled(
          wanted.map((one) => store.commit([set(one, "set"), event(one)])),
        );
        expect(ends.map(({ status }) => status)).toEqual(
          wanted.map((one) => there.includes(one) ? "fulfilled" : "rejected"),
        );
        expect(await read(store)).toEqual(
          there.toSorted().map((one) => ({
            key: one,
            value: wanted.includes(one) ? "set" : "new",
          })),
        );
        const events = await store.read<{ account_id: string }>(
          "SELECT account_id FROM agent_events ORDER BY id",
        );
        expect(events.map(({ account_id }) => account_id)).toEqual(
          wanted.filter((one) => there.includes(one)),
        );
      }),
      { numRuns: 15 },
    );
  });

  it("runs in the order of each unit, whatever order others have", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await filled(store, ["a", "b", "c"]);
    await store.commit([set("a", "ready")]);
    await Promise.all([
      store.commit([finish("a"), set("a", "after")]),
      store.commit([set("b", "ready"), finish("b")]),
      store.commit([set("c", "ready"), finish("c"), set("c", "after")]),
    ]);
    expect((await read(store)).map(({ value }) => value)).toEqual(["after", "done", "after"]);
  });

  it("takes more rows than one statement can have, and none", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const keys = Array.from({ length: 1_200 }, (_, i) => `key ${i}`);
    await filled(store, keys);
    await store.commit([
      bulk("DELETE FROM meta WHERE key IN (VALUES $rows)", keys.map((key) => [key]), "one each"),
      bulk("DELETE FROM meta WHERE key IN (VALUES $rows)", [], "one each"),
    ]);
    expect(await read(store)).toEqual([]);
  });
});

describe("readEach()", () => {
  const sql = `WITH given (call, least) AS (VALUES $rows)
    SELECT given.call, key FROM given JOIN meta ON meta.key >= given.least ORDER BY key`;

  it("gives each call what it would have read by itself", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const keys = "abcdefgh".split("");
    await filled(store, keys);
    const wanted = Array.from({ length: 100 }, (_, i) => String.fromCharCode(97 + i % 12));
    const found = await Promise.all(wanted.map((least) => store.readEach(sql, [[least]])));
    expect(found.map((rows) => rows.map(({ key }) => key))).toEqual(
      wanted.map((least) => keys.filter((key) => key >= least)),
    );
    expect(await store.readEach(sql, [])).toEqual([]);
  });

  it("fails every call of a wrong statement, and no other's", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    await filled(store, ["a"]);
    const [wrong, also, right] = await Promise.allSettled([
      store.readEach("SELECT call FROM nowhere, (VALUES $rows)", [["a"]]),
      store.readEach("SELECT call FROM nowhere, (VALUES $rows)", [["b"]]),
      store.readEach(sql, [["a"]]),
    ]);
    expect([wrong?.status, also?.status, right?.status]).toEqual([
      "rejected",
      "rejected",
      "fulfilled",
    ]);
  });

  it("adds up rows of values that are one, those of all units that share a commit", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const add = (agent: string, calls: number): Write =>
      bulk(
        `INSERT INTO usage (account_id, agent_id, day, provider, model, calls, failed_calls, unknown_calls,
           tokens_in, tokens_out, tokens_cached, cost_micros, unknown_tokens, unknown_micros)
         SELECT *, 0, 0, 0, 0, 0, 0, 0, 0 FROM (VALUES $rows)`,
        [["acme", agent, 1, "p", "m", calls]],
        "any",
        5,
      );
    // Two rows of one key would break a constraint.
    await Promise.all(
      [["ana", 2], ["bob", 4], ["ana", 8]].map(([agent, calls]) =>
        store.commit([add(String(agent), Number(calls))])
      ),
    );
    expect(await store.read("SELECT agent_id, calls FROM usage ORDER BY agent_id")).toEqual([
      { agent_id: "ana", calls: 10 },
      { agent_id: "bob", calls: 4 },
    ]);
  });
});
