/**
 * docs/defects.md: every defect it names is guarded where it says.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, it } from "vitest";

const ROOT = resolve(import.meta.dirname, "../../..");

/** The ids at the beginnings of the names of a file's tests. */
function guardedIn(path: string): string[] {
  const names = readFileSync(join(ROOT, path), "utf8")
    .matchAll(/^\s*(?:it\(|it\.each\([^]*?\)\()\s*["'`]([A-Z]\d+(?:, [A-Z]\d+)*): /gm);
  return [...names].flatMap(([, ids]) => ids?.split(", ") ?? []);
}

it("every defect has a test of its name in each file that docs/defects.md gives", () => {
  const page = readFileSync(join(ROOT, "docs/defects.md"), "utf8");
  const rows = [...page.matchAll(/^\| ([A-Z]\d+) \|.*\| ([^|]*) \|$/gm)].map(([, id, paths]) => ({
    id,
    paths: [...paths?.matchAll(/`([^`]+)`/g) ?? []].map(([, path]) => path ?? ""),
  }));
  expect(rows.length).toBeGreaterThan(40);
  expect(new Set(rows.map(({ id }) => id)).size).toBe(rows.length);
  const unguarded = rows.flatMap(({ id, paths }) =>
    paths.length === 0 ? [`${id}: nowhere`] : paths
      .filter((path) => !guardedIn(path).includes(id ?? ""))
      .map((path) => `${id}: not in ${path}`)
  );
  expect(unguarded).toEqual([]);
});
