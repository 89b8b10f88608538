/**
 * What a turn or a send changes is found by its id, however many others wait and share its commit.
 *
 * @module
 */
import { expect, it, vi } from "vitest";
import { type Bulk, type Store, type Write } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine } from "../../../support/spine.ts";

const ROWS = [1, 20, 200];

/** How SQLite would go about a statement over `rows` rows of `width` values. */
async function planOf(
  store: Store,
  sql: string,
  { rows, width }: { rows: number; width: number },
): Promise<string> {
  const marks = Array.from({ length: rows }, () => `(${Array(width).fill("?").join()})`).join();
  const args = Array.from({ length: rows * width }, () => "x");
  const steps = await store.read<{ detail: string }>(
    `EXPLAIN QUERY PLAN ${sql.replace("$rows", marks)}`,
    args,
  );
  return steps.map(({ detail }) => detail).join("\n");
}

const isBulk = (write: Write): write is Bulk => write.type === "bulk";

it("finds rows of the queues by their ids", async () => {
  const settings = await settingsOf({ "agents.yaml": "agents: []\n" });
  await using spine = await openSpine(() => settings);
  const { store, outbox, inbounds } = spine;
  const turn = { account: "acme", turnId: "t", starts: 1, ids: ["a"] };
  const bulks = [
    ...outbox.rowsForTrying("acme", "a", 1),
    ...outbox.rowsForSent("acme", "a", null, 1),
    ...inbounds.rowsForStarted(turn),
    ...inbounds.rowsForDone(turn),
    ...inbounds.rowsForRetry("acme", ["a"], 1),
  ].filter(isBulk).map(({ sql, rows: [row = []] }) => ({ sql, width: row.length }));
  expect(bulks).toHaveLength(5);

  const readEach = vi.spyOn(store, "readEach");
  await outbox.find("acme", "a");
  await inbounds.load("acme", ["a"]);
  // Each key has the number of its call in front.
  const looks = readEach.mock.calls.map(([sql, [key = []]]) => ({ sql, width: key.length + 1 }));
  expect(looks).toHaveLength(2);

  for (const { sql, width } of [...bulks, ...looks]) {
    for (const rows of ROWS) {
      const plan = await planOf(store, sql, { rows, width });
      expect(plan).toMatch(/SEARCH \w+ USING INDEX sqlite_autoindex_(inbounds|outbox)_1 \(id=\?\)/);
    }
  }
});
