/**
 * A large flush does not keep the event loop.
 *
 * @module
 */
import { expect, it } from "vitest";
import { insert } from "../../../../core/store/store.ts";
import { openTestStore } from "../../../support/store.ts";

/** How often the event loop turns until rows of several tables are on disk; `now` is what their writer reads. */
async function turnsOf(now: () => number): Promise<number> {
  await using test = await openTestStore({ now });
  let turns = 0;
  let written = false;
  const count = (): void => {
    if (written) return;
    turns++;
    setImmediate(count);
  };
  setImmediate(count);
  await test.store.commit([
    insert("meta", { key: "a", value: "1" }),
    insert("tenants", { account_id: "acme", created_at_ms: 1 }),
    insert("meta", { key: "b", value: "1" }, "ignore"),
  ]);
  written = true;
  return turns;
}

it("lets the event loop turn between statements that take long, and does not wait for it otherwise", async () => {
  let clock = 0;
  const slow = await turnsOf(() => clock += 10);
  const fast = await turnsOf(() => 0);
  expect(slow - fast).toBe(3);
});
