import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createMicroappErasing } from "../../../../core/daemon/microapp_erasing.ts";
import type { Candidate } from "../../../../core/microapps/candidate.ts";
import { childCandidate, openTestHost, type TestHost } from "../../../support/microapps/host.ts";

const keeper = (id: string, manner?: string, entry = {}): Candidate =>
  childCandidate(id, "keeps_people.mjs", {
    args: manner === undefined ? [] : [manner],
    extra: "[capabilities]\ntools = []\ndata_erasure = true\n",
    entry,
  });

const peopleOf = ({ homeDir }: TestHost, id: string): string =>
  join(homeDir, "extensions", id, "state", "people.txt");

async function openWith(candidates: readonly Candidate[]): Promise<TestHost> {
  const test = await openTestHost(candidates);
  await test.host.settled();
  for (const { id } of candidates) {
    const file = peopleOf(test, id);
    await mkdir(join(file, ".."), { recursive: true });
    await writeFile(file, "acme/maria\nacme/bo\nglobex/maria\n");
  }
  return test;
}

it("a person goes from every microapp that keeps people, of this tenant alone", async () => {
  await using test = await openWith([
    keeper("crm"),
    keeper("theirs", undefined, { tenant_id: "globex" }),
    childCandidate("echo", "good.mjs"),
  ]);
  const erase = createMicroappErasing(test);
  expect(await erase({ account_id: "acme", contact: "maria" })).toEqual([
    { microapp_id: "crm", erased: 1, error: null },
  ]);
  expect(await readFile(peopleOf(test, "crm"), "utf8")).toBe("acme/bo\nglobex/maria");
  expect(await erase({ account_id: "acme", contact: null })).toMatchObject([{ erased: 1 }]);
  expect(await readFile(peopleOf(test, "crm"), "utf8")).toBe("globex/maria");
});

it("no microapp that failed, mumbled or does not run is taken for one that erased", async () => {
  await using test = await openWith([
    keeper("a-fails"),
    keeper("b-mumbles", "mumbles"),
    { ...keeper("c-stands-still"), refusal: "it may not run" },
    keeper("d-erases"),
  ]);
  await rm(peopleOf(test, "a-fails"));
  await mkdir(peopleOf(test, "a-fails"));
  const found = await createMicroappErasing(test)({ account_id: "acme", contact: "maria" });
  expect(found).toMatchObject([
    { microapp_id: "a-fails", erased: null },
    { microapp_id: "b-mumbles", erased: null, error: "it answered data/erase with no count" },
    { microapp_id: "c-stands-still", erased: null },
    { microapp_id: "d-erases", erased: 1, error: null },
  ]);
  expect(found[0]?.error).toContain("EISDIR");
  expect(found[2]?.error).toContain("c-stands-still");
});
