import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { append, insert, statement, type Write } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";

type Step =
  | { do: "insert" | "ignore" | "append" | "throw"; key: string; value: string }
  | { do: "update" | "delete"; key: string; value: string; strict: boolean };

interface Model {
  readonly rows: Map<string, string>;
  readonly events: { account: string; offset: number; body: string }[];
}

const key = fc.constantFrom("a", "b", "c", "d", "e", "f");
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom("insert", "ignore", "append", "append"),
      key,
      value: fc.string({ maxLength: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("throw" as const), key, value: fc.constant("") }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom("update", "delete"),
      key,
      value: fc.string({ maxLength: 3 }),
      strict: fc.boolean(),
    }),
  },
);
const flushes = fc.array(
  fc.array(fc.array(step, { maxLength: 4 }), { minLength: 1, maxLength: 8 }),
  { minLength: 1, maxLength: 4 },
);

function writeOf(one: Step): Write {
  switch (one.do) {
    case "insert":
      return insert("meta", { key: one.key, value: one.value });
    case "ignore":
      return insert("meta", { value: one.value, key: one.key }, "ignore");
    case "update":
      return statement(
        "UPDATE meta SET value = ? WHERE key = ?",
        [one.value, one.key],
        one.strict ? 1 : undefined,
      );
    case "delete":
      return statement("DELETE FROM meta WHERE key = ?", [one.key], one.strict ? 1 : undefined);
    case "append":
    case "throw":
      return append("agent_events", ["events", `events:${one.key}`], ([all, own]) => {
        if (one.do === "throw") throw new Error("no row");
        return {
          row: {
            id: all?.offset ?? 0,
            account_id: one.key,
            offset: own?.offset ?? 0,
            kind: "test",
            at_ms: 0,
            body: JSON.stringify([own?.prevHash, one.value]),
          },
          hash: one.value,
        };
      });
  }
}

/** What the units make of the model, or undefined when one of them fails. */
function apply({ rows: before, events: past }: Model, units: readonly (readonly Step[])[]) {
  const rows = new Map(before);
  const events = [...past];
  const steps = units.flat();
  for (const one of steps) {
    if (one.do !== "insert") continue;
    if (rows.has(one.key)) return;
    rows.set(one.key, one.value);
  }
  for (const one of steps) {
    if (one.do === "ignore" && !rows.has(one.key)) rows.set(one.key, one.value);
  }
  for (const one of steps) {
    if (one.do === "throw") return;
    if (one.do === "append") {
      const own = events.filter(({ account }) => account === one.key);
      const [, last = ""] = JSON.parse(own.at(-1)?.body ?? "[]") as string[];
      events.push({
        account: one.key,
        offset: own.length + 1,
        body: JSON.stringify([last, one.value]),
      });
    }
    if (one.do !== "update" && one.do !== "delete") continue;
    if (!rows.has(one.key) && one.strict) return;
    if (one.do === "delete") rows.delete(one.key);
    else if (rows.has(one.key)) rows.set(one.key, one.value);
  }
  return { rows, events };
}

describe("group commit", () => {
  it("keeps whole units, in order, as if the failing ones had never come", async () => {
    await fc.assert(
      fc.asyncProperty(flushes, async (rounds) => {
        await using opened = await openTestStore();
        const { store } = opened;
        let model: Model = { rows: new Map(), events: [] };
        const heard: unknown[] = [];
        store.onAppended((rows) => heard.push(...rows.map(({ row }) => row["id"])));
        for (const units of rounds) {
          const settled = await Promise.allSettled(
            units.map((unit) => store.commit(unit.map(writeOf))),
          );
          const together = apply(model, units);
          const expected = units.map((unit) => {
            const next = together === undefined ? apply(model, [unit]) : together;
            model = next ?? model;
            return next === undefined ? "rejected" : "fulfilled";
          });
          expect(settled.map(({ status }) => status)).toEqual(expected);
          expect(await store.read("SELECT key, value FROM meta ORDER BY key")).toEqual(
            [...model.rows].toSorted(([a], [b]) => a < b ? -1 : 1).map(([k, value]) => ({
              key: k,
              value,
            })),
          );
          expect(
            await store.read(
              'SELECT id, account_id AS account, "offset", body FROM agent_events ORDER BY id',
            ),
          ).toEqual(model.events.map((one, i) => ({ id: i + 1, ...one })));
          expect(heard).toEqual(model.events.map((_, i) => i + 1));
        }
      }),
      { numRuns: 50 },
    );
  });
});
