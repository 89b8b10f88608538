/**
 * Microapps that take more than they may, or speak badly on purpose, beside one that does neither.
 *
 * @module
 */
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { ExtensionEntry } from "../../../core/microapps/candidate.ts";
import {
  callTool,
  childCandidate,
  isAlive,
  openTestHost,
  type TestHost,
} from "../../support/microapps/host.ts";
import { sandboxed, withoutBwrap } from "../../support/sandbox/place.ts";

const good = childCandidate("good", "good.mjs");

function hostile(deed: string, entry: ExtensionEntry, more: readonly string[] = []) {
  return sandboxed("hostile", { command: "node", args: ["hostile.mjs", deed, ...more], entry });
}

const statusOf = (app: TestHost, id = "hostile") =>
  app.host.status().find((each) => each.id === id);

async function expectGoodWorks(app: TestHost): Promise<void> {
  for (let n = 0; n < 20; n++) {
    const result = await callTool(app, "good", "echo", { n });
    expect(result).toMatchObject({ ok: true, value: { arguments: { n } } });
  }
}

/** Has it do its deed, and gives what became of the call. */
async function provoke(app: TestHost): Promise<unknown> {
  await app.host.settled();
  expect(statusOf(app), statusOf(app)?.reason ?? "").toMatchObject({ state: "ready" });
  return callTool(app, "hostile", "bad").catch((error: unknown) => error);
}

const LIMITS: [string, ExtensionEntry["limits"], RegExp][] = [
  ["fillsMemory", { memory_mb: 128 }, /uses \d+ MiB of memory where 128 MiB are allowed/],
  [
    "fillsDisk",
    { disk_mb: 8 },
    /its state directory holds more than 8 MiB; make room in ".*state"/,
  ],
  ["forkBomb", { processes: 16 }, /has \d+ processes where 16 are allowed/],
];

describe.each(["bwrap", "none"] as const)("limits at level %s", (sandbox) => {
  it.each(LIMITS)(
    "%s is stopped for its reason, and others go on",
    async (deed, limits, reason) => {
      await using app = await openTestHost([good, hostile(deed, { sandbox, limits })]);
      await provoke(app);
      await app.entered("hostile", "restarting");
      expect(statusOf(app)?.stderr.join("\n")).toMatch(reason);
      expect(statusOf(app)?.stderr).toContain(`about to do ${deed}`);
      const ended = app.logs.find(({ id, event }) =>
        id === "hostile" && event === "microapp.restarting"
      );
      expect(ended?.fields).toMatchObject({ reason: expect.stringMatching(reason) });
      await expectGoodWorks(app);
    },
  );

  it("a full state directory keeps it from starting until somebody makes room", async () => {
    const entry = { sandbox, limits: { disk_mb: 8 } };
    await using app = await openTestHost([hostile("fillsDisk", entry)]);
    await provoke(app);
    await app.entered("hostile", "failed");
    expect(statusOf(app)?.reason).toContain("its state directory holds more than 8 MiB");
    const state = join(app.homeDir, "extensions", "hostile", "state");
    for (const file of await readdir(state)) await rm(join(state, file));
    await app.host.restart("hostile");
    await app.entered("hostile", "ready", 2);
    expect(statusOf(app)).toMatchObject({ state: "ready", reason: null });
  });

  it("the kernel refuses a file beyond the quota and more open files at once", async () => {
    const entry = { sandbox, limits: { disk_mb: 8, open_files: 200 } };
    for (const [deed, code] of [["fillsOneFile", "EFBIG"], ["opensFiles", "EMFILE"]] as const) {
      await using app = await openTestHost([hostile(deed, entry)]);
      await provoke(app);
      await expect.poll(() => statusOf(app)?.stderr).toContain(`refused: ${code}`);
    }
  });

  it("a microapp that spins is ended by its processor time", async () => {
    await using app = await openTestHost([
      good,
      // On a busy machine two seconds of a processor take their time.
      hostile("spins", { sandbox, limits: { cpu_secs: 2 }, timeout_secs: 60 }, ["ignores-sigterm"]),
    ]);
    await app.host.settled();
    const call = callTool(app, "hostile", "bad");
    await expect(call).rejects.toMatchObject({ code: "microapp_exited" });
    await expectGoodWorks(app);
  });

  it("a descendant that leaves its process group ends with it", async () => {
    await using app = await openTestHost([hostile("leavesItsGroup", { sandbox })]);
    await provoke(app);
    const marked = () => statusOf(app)?.stderr.find((line) => line.startsWith("left "));
    await expect.poll(marked).toBeDefined();
    await app.host.restart("hostile");
    await app.entered("hostile", "ready", 2);
    // Inside a namespace its pid is another one; the namespace ends as a whole.
    if (sandbox === "none") expect(await isAlive(Number(marked()?.slice(5)))).toBe(false);
  });
});

describe("bad frames", () => {
  it.each([
    ["invalidUtf8", { done: "invalidUtf8" }],
    ["deepJson", { done: "deepJson" }],
    // Among the forged ones is that of the call itself.
    ["forgedIds", { forged: true }],
  ])("%s are dropped and counted", async (deed, value) => {
    await using app = await openTestHost([good, hostile(deed, { sandbox: "auto" })]);
    await app.host.settled();
    const [answer] = await Promise.all([provoke(app), expectGoodWorks(app)]);
    expect(answer).toMatchObject({ ok: true, value });
    // What was said before it was asked answers no later call.
    expect(await callTool(app, "hostile", "echo", { n: 7 })).toMatchObject({
      value: { arguments: { n: 7 } },
    });
    expect(statusOf(app)).toMatchObject({ state: "ready", restarts: 0 });
    expect(statusOf(app)?.stderr).toContain(`about to do ${deed}`);
    expect(statusOf(app)?.stderr).toContainEqual(expect.stringMatching(/^stdout: /));
    expect(app.logs).toContainEqual(
      expect.objectContaining({ id: "hostile", event: "microapp.stray_line" }),
    );
    await expectGoodWorks(app);
  });

  it.each([
    ["endlessLine", /^stdout: \(a line over 1048576 bytes, dropped\)$/],
    ["frameFlood", /^stdout: \{"jsonrpc":"2.0","method":"n\d+"/],
  ])(
    "%s keeps nobody else from being answered, and is shown",
    async (deed, shown) => {
      const limits = { lineBytes: 1024 * 1024 };
      await using app = await openTestHost([good, hostile(deed, { sandbox: "auto" })], { limits });
      await app.host.settled();
      const call = callTool(app, "hostile", "bad").catch(() => undefined);
      await expect.poll(() => statusOf(app)?.stderr).toContain(`about to do ${deed}`);
      await expectGoodWorks(app);
      await expect.poll(() => statusOf(app)?.stderr).toContainEqual(expect.stringMatching(shown));
      expect(statusOf(app)?.stderr).toContain(`about to do ${deed}`);
      await app.host.restart("hostile");
      await call;
    },
  );

  it.each(["none", "bwrap"] as const)(
    "a closed stdout ends a microapp that lives on, for its reason, at level %s",
    async (sandbox) => {
      await using app = await openTestHost([good, hostile("closesStdout", { sandbox })]);
      await app.host.settled();
      const pid = statusOf(app)?.pid ?? 0;
      await provoke(app);
      await app.entered("hostile", "ready", 2);
      expect(await isAlive(pid)).toBe(false);
      expect(statusOf(app)?.stderr).toContain("nexo: stopped, it closed its stdout and lived on");
      await expectGoodWorks(app);
    },
  );

  it.each(["none", "bwrap"] as const)(
    "a closed stdin ends a microapp that is called, at level %s",
    async (sandbox) => {
      await using app = await openTestHost([good, hostile("closesStdin", { sandbox })]);
      await app.host.settled();
      const pid = statusOf(app)?.pid ?? 0;
      await provoke(app);
      await expect(callTool(app, "hostile", "echo")).rejects.toMatchObject({
        code: "microapp_exited",
      });
      expect(await isAlive(pid)).toBe(false);
      await app.entered("hostile", "ready", 2);
      await expectGoodWorks(app);
    },
  );

  it("ten thousand tools are cut to those that can be used, and said so", async () => {
    await using app = await openTestHost([good, hostile("manyTools", { sandbox: "auto" })]);
    await app.host.settled();
    expect(statusOf(app)?.tools).toHaveLength(512);
    expect(app.logs).toContainEqual(expect.objectContaining({
      event: "microapp.handshake_warning",
      fields: { text: "only the first 512 tools are used" },
    }));
    expect(statusOf(app)?.stderr).toContain("nexo: only the first 512 tools are used");
    await expectGoodWorks(app);
  });

  it("a schema too long to send is left out; one that refers to itself is only carried", async () => {
    await using app = await openTestHost([good, hostile("explodingSchema", { sandbox: "auto" })]);
    await app.host.settled();
    expect(statusOf(app)?.tools).toEqual([{ name: "echo" }]);
    expect(statusOf(app)?.stderr).toContainEqual(
      expect.stringMatching(/^nexo: tool "huge" was left out: its schema is longer than/),
    );
    await expectGoodWorks(app);
  });

  it("without bwrap the same limits hold", async () => {
    const entry = { sandbox: "auto" as const, limits: { memory_mb: 128 } };
    await using app = await openTestHost([good, hostile("fillsMemory", entry)], {
      helpers: withoutBwrap,
    });
    await provoke(app);
    await app.entered("hostile", "restarting");
    expect(statusOf(app)?.stderr.join("\n")).toContain("where 128 MiB are allowed");
  });
});
