/**
 * Wrong arguments end a command before it looks for a daemon: exit code 2, and what would be right.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { runNexo } from "../../../support/cli.ts";

const DATE = "must be a date such as 2026-01-31 or a duration such as 7d";

describe("wrong arguments", () => {
  it.each([
    [["usage", "--since", "yesterday"], DATE],
    [["usage", "--since", "5"], DATE],
    [["usage", "--since", "2026-02-30"], DATE],
    [["usage", "--since", "1/2/2026"], DATE],
    [["usage", "--until", "2026-13-01"], DATE],
    [["usage", "--since", "2026-02-01", "--until", "2026-01-01"], "--until is before --since"],
    [["turns", "tail", "--cursor", "abc"], "must be a whole number ≥ 1"],
    [["turns", "tail", "--outcome", "blah"], "Allowed choices are ok, error, refused"],
    [["events", "list", "--kind", "nope"], "must be one of budget_threshold"],
    [["events", "tail", "--kind", "nope"], "must be one of budget_threshold"],
    [["tenants", "erase", "--account", "acme"], "say --yes"],
  ])("of %j are told with what is right", async (args, says) => {
    const home = await mkdtemp(join(tmpdir(), "nexo-arguments-"));
    const { code, stdout, stderr } = await runNexo({ NEXO_HOME: home }, ...args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toContain(says);
  });

  it.each(["2026-01-31", "2026-01-31T10:00:00Z", "2024-02-29", "7d", "90m"])(
    "are not such as %s",
    async (since) => {
      const home = await mkdtemp(join(tmpdir(), "nexo-arguments-"));
      expect((await runNexo({ NEXO_HOME: home }, "usage", "--since", since)).code).toBe(3);
    },
  );
});
