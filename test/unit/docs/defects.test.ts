/**
 * docs/defects.md: every defect it names is guarded where it says, and no other id is in use.
 *
 * @module
 */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");

/** The ids at the beginnings of the names of a file's tests. */
function guardedIn(path: string): string[] {
  const names = readFileSync(join(ROOT, path), "utf8")
    .matchAll(/^\s*(?:it\(|it\.each\([^]*?\)\()\s*["'`]([A-Z]\d+(?:, [A-Z]\d+)*): /gm);
  return [...names].flatMap(([, ids]) => ids?.split(", ") ?? []);
}

const rows = [
  ...readFileSync(join(ROOT, "docs/defects.md"), "utf8")
    .matchAll(/^\| ([A-Z]\d+) \|.*\| ([^|]*) \|$/gm),
].map(([, id = "", paths = ""]) => ({
  id,
  paths: [...paths.matchAll(/`([^`]+)`/g)].map(([, path = ""]) => path),
}));

it("every defect has a test of its name in each file that docs/defects.md gives", () => {
  expect(rows.length).toBeGreaterThan(40);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  const unguarded = rows.flatMap(({ id, paths }) =>
    paths.length === 0 ? [`${id}: nowhere`] : paths
      .filter((path) => !guardedIn(path).includes(id))
      .map((path) => `${id}: not in ${path}`)
  );
  expect(unguarded).toEqual([]);
});

it("no test is named after a defect that docs/defects.md does not know", () => {
  const known = new Set(rows.map(({ id }) => id));
  const tests = ["test", "extensions"].flatMap((top) =>
    readdirSync(join(ROOT, top), { recursive: true, encoding: "utf8" })
      .filter((path) => path.endsWith(".test.ts") && !path.includes("node_modules"))
      .map((path) => join(top, path))
  );
  expect(tests.length).toBeGreaterThan(100);
  const unknown = tests.flatMap((path) =>
    guardedIn(path).filter((id) => !known.has(id)).map((id) => `${id}: ${path}`)
  );
  expect(unknown).toEqual([]);
});
