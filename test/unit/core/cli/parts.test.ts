import { Command } from "commander";
import { expect, it } from "vitest";
import { createCliContext } from "../../../../core/cli/command.ts";
import { PARTS, partsFor } from "../../../../core/cli/parts.ts";
import { homeOf } from "../../../../core/daemon/home.ts";

const context = createCliContext({
  env: {},
  cwd: "/",
  home: homeOf({ HOME: "/" }),
  packageRoot: "/",
  version: "0",
  signal: new AbortController().signal,
  exitWith: () => undefined,
});

it("each part adds the subcommands that it is found by", async () => {
  for (const { words, load } of PARTS) {
    const program = new Command();
    const add = await load();
    add(program, context);
    expect(program.commands.map((command) => command.name()).toSorted()).toEqual(words.toSorted());
  }
});

it("a subcommand loads its part alone, and anything else all of them", () => {
  expect(partsFor("tenants")).toHaveLength(1);
  for (const word of [undefined, "--help", "tenant"]) expect(partsFor(word)).toBe(PARTS);
});
