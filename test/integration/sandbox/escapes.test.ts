/**
 * Every known way out of a sandbox, tried by real children in every runtime at every level.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { callTool, openTestHost, type TestHost } from "../../support/microapps/host.ts";
import { DENO, openOutside, sandboxed, SECRET, withoutBwrap } from "../../support/sandbox/place.ts";

type Outcomes = Record<string, string>;

const RUNTIMES = {
  node: { command: "node", args: ["escapes.mjs"] },
  // What an author grants himself is not what he gets.
  deno: { command: DENO, args: ["run", "-A", "--allow-run", "escapes.mjs"] },
  python: { command: "python3", args: ["escapes.py"] },
};

const env = {
  PATH: process.env["PATH"],
  HOME: process.env["HOME"],
  PLANTED: SECRET,
  DECLARED_TOKEN: "declared",
  LD_PRELOAD_PLANTED: SECRET,
};
const declared = '[requires]\nenv = ["DECLARED_TOKEN"]\n';

async function tryAll(app: TestHost, targets: unknown): Promise<Outcomes> {
  await app.host.settled();
  const [status] = app.host.status();
  expect(status, status?.reason ?? "").toMatchObject({ state: "ready" });
  const result = await callTool(app, "app", "echo", targets);
  if (!result.ok) throw new Error(result.text);
  return result.value as Outcomes;
}

/** Names of what went well, but for what is the microapp's own right. */
function escapes(outcomes: Outcomes): string[] {
  const own = new Set(["readEnvironment", "writeState"]);
  return Object.entries(outcomes)
    .filter(([name, outcome]) => !own.has(name) && outcome.startsWith("did: "))
    .map(([name]) => name);
}

describe.each(Object.entries(RUNTIMES))("%s within bwrap", (name, start) => {
  it("sees its own state and its declared variables, and gets nowhere else", async () => {
    await using outside = await openOutside();
    const entry = { sandbox: "bwrap" as const };
    await using app = await openTestHost(
      [sandboxed("app", { ...start, entry, extra: declared })],
      { env },
    );
    await outside.plantLink(app.homeDir, "app");
    const link = `${app.homeDir}/extensions/app/state/link`;
    const outcomes = await tryAll(app, { ...outside.targets, link });
    expect(outcomes["writeState"]).toBe("did: own");
    const variables = JSON.parse(outcomes["readEnvironment"]?.slice(5) ?? "{}");
    expect(variables).toMatchObject({ DECLARED_TOKEN: "declared", AGENT_EXTENSION_ID: "app" });
    expect(JSON.stringify(outcomes)).not.toContain(SECRET);
    // Its parent and its commands are those of its own namespace; pid 0 is core for none of them.
    const harmless = new Set(["readParentEnvironment", "readCommands"]);
    expect(escapes(outcomes).filter((each) => !harmless.has(each))).toEqual([]);
    expect(app.host.status()).toMatchObject([{ sandbox: "bwrap", sandbox_notes: [] }]);
    expect(name).toBeTruthy();
  });

  it("reaches the network when that is declared, and status says so", async () => {
    await using outside = await openOutside();
    await using app = await openTestHost([
      sandboxed("app", { ...start, extra: '[sandbox]\nlevel = "bwrap"\nnetwork = true\n' }),
    ]);
    const outcomes = await tryAll(app, outside.targets);
    expect(outcomes["connect"]).toBe("did: connected");
    expect(outcomes["readFile"]).toMatch(/^refused: /);
    expect(app.host.status()[0]?.sandbox_notes).toEqual([
      "it shares the host's network, as it declares",
    ]);
  });
});

describe("without bwrap, under its runtime's permissions,", () => {
  it("deno sees its own state, and gets nowhere else", async () => {
    await using outside = await openOutside();
    const entry = { sandbox: "auto" as const };
    await using app = await openTestHost(
      [sandboxed("app", { ...RUNTIMES.deno, entry, extra: declared })],
      { env, helpers: withoutBwrap },
    );
    const outcomes = await tryAll(app, outside.targets);
    expect(outcomes["writeState"]).toBe("did: own");
    expect(escapes(outcomes)).toEqual([]);
    expect(JSON.stringify(outcomes)).not.toContain(SECRET);
    expect(app.host.status()).toMatchObject([{
      sandbox: "permissions",
      sandbox_notes: ['"bwrap" is not on PATH'],
    }]);
  });

  it("node sees its own state and no other file; status says what stays open", async () => {
    await using outside = await openOutside();
    const entry = { sandbox: "auto" as const };
    await using app = await openTestHost(
      [sandboxed("app", { ...RUNTIMES.node, entry, extra: declared })],
      { env, helpers: withoutBwrap },
    );
    const outcomes = await tryAll(app, outside.targets);
    expect(outcomes["writeState"]).toBe("did: own");
    expect(JSON.stringify(outcomes)).not.toContain(SECRET);
    const [status] = app.host.status();
    expect(status?.sandbox).toBe("permissions");
    const notes = status?.sandbox_notes.join("; ");
    const open = escapes(outcomes);
    const network = ["connect", "fetch"].filter((each) => open.includes(each));
    expect(notes?.includes("leave the network open")).toBe(network.length > 0);
    expect(notes).toContain("signal other processes");
    expect(open.filter((each) => !["connect", "fetch", "signalCore"].includes(each))).toEqual([]);
  });

  it("python is not confined, and status says so", async () => {
    const entry = { sandbox: "auto" as const };
    await using app = await openTestHost([sandboxed("app", { ...RUNTIMES.python, entry })], {
      helpers: withoutBwrap,
    });
    await app.host.settled();
    expect(app.host.status()).toMatchObject([{
      state: "ready",
      sandbox: "none",
      sandbox_notes: ['"bwrap" is not on PATH', expect.stringContaining("not confined")],
    }]);
  });

  it.each(Object.keys(RUNTIMES))("%s does not start when bwrap is asked for", async (name) => {
    const start = RUNTIMES[name as keyof typeof RUNTIMES];
    const entry = { sandbox: "bwrap" as const };
    await using app = await openTestHost([sandboxed("app", { ...start, entry })], {
      helpers: withoutBwrap,
    });
    await app.host.settled();
    expect(app.host.status()).toMatchObject([{
      pid: null,
      reason: expect.stringContaining('Cannot confine it with "bwrap": "bwrap" is not on PATH'),
    }]);
  });

  it.each(["node", "deno"] as const)(
    "%s does not start with a link out of its state",
    async (name) => {
      await using outside = await openOutside();
      const entry = { sandbox: "auto" as const };
      await using app = await openTestHost([], { helpers: withoutBwrap });
      await outside.plantLink(app.homeDir, "app");
      await app.host.apply([sandboxed("app", { ...RUNTIMES[name], entry })]);
      await app.host.settled();
      expect(app.host.status()).toMatchObject([{
        pid: null,
        reason: expect.stringContaining('the link "link" in its state directory leads out of it'),
      }]);
    },
  );
});
