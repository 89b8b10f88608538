import { expect, it } from "vitest";
import { createPresence } from "./presence.ts";

const ALICE = { id: "1", name: "Alice", account_id: "acme" };
const OWNER = { id: "2", name: "Owner" };

it("names everybody at a conversation once, of one tenant alone, until their last page is closed", () => {
  const changes: string[] = [];
  const presence = createPresence((account) => void changes.push(account));
  const first = presence.enter("acme", "s1", ALICE);
  const second = presence.enter("acme", "s1", ALICE);
  const owner = presence.enter("acme", "s1", OWNER);
  const elsewhere = presence.enter("globex", "s2", OWNER);
  expect(presence.of("acme")).toEqual({ s1: [{ id: "1", name: "Alice" }, OWNER] });
  expect(presence.of("globex")).toEqual({ s2: [OWNER] });
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  expect(presence.of("acme")["s1"]).toHaveLength(2);
  second[Symbol.dispose]();
  expect(presence.of("acme")).toEqual({ s1: [OWNER] });
  owner[Symbol.dispose]();
  elsewhere[Symbol.dispose]();
  expect([presence.of("acme"), presence.of("globex")]).toEqual([{}, {}]);
  expect(changes).toEqual("acme acme acme globex acme acme acme globex".split(" "));
});
