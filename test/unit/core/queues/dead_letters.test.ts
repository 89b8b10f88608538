import { describe, expect, it } from "vitest";
import { createDeadLetters } from "../../../../core/queues/dead_letters.ts";
import { openTestStore } from "../../../support/store.ts";

describe("createDeadLetters()", () => {
  it("forgets those given up before a time, of one tenant or of all, and counts what it forgets", async () => {
    await using opened = await openTestStore();
    const { store } = opened;
    const letters = createDeadLetters({ store });
    const letter = (id: string, account_id: string, at_ms: number) =>
      letters.rowsForDead({
        id,
        account_id,
        kind: "inbox",
        ref_id: "r",
        source: "github",
        code: "internal",
        detail: "",
        at_ms,
      });
    await store.commit([
      ...letter("1", "acme", 10),
      ...letter("2", "globex", 10),
      ...letter("3", "acme", 20),
    ]);
    const ids = async () => (await letters.listForOperator({ limit: 10 })).map(({ id }) => id);
    const acme = { account: "acme", beforeMs: 20 };
    expect(await letters.countForPurge(acme)).toBe(1);
    await store.commit(letters.rowsForPurged(acme));
    expect(await ids()).toEqual(["3", "2"]);
    const all = { account: undefined, beforeMs: 21 };
    expect(await letters.countForPurge(all)).toBe(2);
    await store.commit(letters.rowsForPurged(all));
    expect(await ids()).toEqual([]);
  });
});
