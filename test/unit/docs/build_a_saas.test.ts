/**
 * docs/build-a-saas.md: its code compiles. What its commands do, test/integration/build_a_saas.test.ts sees.
 *
 * @module
 */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { expect, it } from "vitest";
import { problemsOf } from "../../support/snippets.ts";

const page = readFileSync(
  resolve(import.meta.dirname, "../../../docs/build-a-saas.md"),
  "utf8",
);

it("docs/build-a-saas.md shows code that compiles", { timeout: 120_000 }, async () => {
  const code = Array.from(page.matchAll(/^```ts\n([^]*?)^```$/gm), ([, text]) => text ?? "");
  expect(code).toHaveLength(2);
  const mistake = `${code[0]}\nawait bill();`;
  expect(await problemsOf([...code, mistake])).toEqual([
    expect.stringMatching(/^snippet_2\.ts\(\d+,\d+\): .*Expected 2 arguments/),
  ]);
});
