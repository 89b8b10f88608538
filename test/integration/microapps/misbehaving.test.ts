/**
 * Children that do everything wrong, beside one that does not.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import {
  callTool,
  childCandidate,
  childrenOf,
  isAlive,
  openTestHost,
  type TestHost,
} from "../../support/microapps/host.ts";

const good = childCandidate("good", "good.mjs");

async function expectGoodWorks(app: TestHost): Promise<void> {
  for (let n = 0; n < 20; n++) {
    const result = await callTool(app, "good", "echo", { n });
    expect(result.ok).toBe(true);
  }
}

describe("a microapp hurts only itself when it", () => {
  it("prints garbage between its frames", async () => {
    await using app = await openTestHost([good, childCandidate("garbage", "prints_garbage.mjs")]);
    await app.host.settled();
    expect((await callTool(app, "garbage", "echo")).ok).toBe(true);
    expect((await callTool(app, "garbage", "bad")).ok).toBe(false);
    const status = app.host.status().find(({ id }) => id === "garbage");
    expect(status).toMatchObject({ state: "ready", restarts: 0 });
    expect(status?.stderr).toContain("stdout: hello from a forgotten print");
    await expectGoodWorks(app);
  });

  it("exits at once: it is started again a few times, fails, and can be restarted", async () => {
    const faults: unknown[] = [];
    await using app = await openTestHost([good, childCandidate("exits", "exits_at_once.mjs")], {
      onFault: (id, { kind, summary, stderr }) => faults.push([id, kind, summary, stderr.at(-1)]),
    });
    await app.host.settled();
    await app.entered("exits", "failed");
    expect(faults).toHaveLength(6);
    expect(faults[0]).toEqual([
      "exits",
      "exit",
      'microapp "exits" exited with code 3',
      "nothing to do here",
    ]);
    const status = app.host.status().find(({ id }) => id === "exits");
    expect(status).toMatchObject({ state: "failed", restarts: 5, pid: null });
    expect(status?.reason).toMatch(/^max restart attempts exceeded: .*exited with code 3$/);
    expect(status?.stderr).toContain("nothing to do here");
    await expectGoodWorks(app);
    await app.host.restart("exits");
    await app.entered("exits", "failed", 2);
  });

  it("exits at once: it is tried again when its budget has healed", async () => {
    const restart = { restarts: 2, windowMs: 300, pause: { firstMs: 1, maxMs: 1 } };
    // It stands still while the microapp starts and ends, however long that takes.
    let now = 1_000_000;
    await using app = await openTestHost([childCandidate("exits", "exits_at_once.mjs")], {
      restart,
      now: () => now,
      onState(_id, state) {
        if (state === "failed") now += restart.windowMs;
      },
    });
    await app.entered("exits", "failed", 2);
    expect(app.host.status()[0]?.restarts).toBeGreaterThan(2);
  });

  it("cannot be started at all", async () => {
    const candidate = childCandidate("ghost", "good.mjs");
    const transport = { kind: "stdio" as const, command: "./no-such-file", args: [] };
    await using app = await openTestHost([
      good,
      { ...candidate, manifest: { ...candidate.manifest, transport } },
    ]);
    await app.host.settled();
    const status = app.host.status().find(({ id }) => id === "ghost");
    expect(status?.reason).toContain('Cannot start "./no-such-file": no such program');
    await expectGoodWorks(app);
  });

  it("never answers the handshake", async () => {
    const faults: unknown[] = [];
    await using app = await openTestHost([good, childCandidate("mute", "never_answers.mjs")], {
      timeouts: { handshakeMs: 2_000, politeMs: 300, killMs: 600 },
      onFault: (id, { kind }) => faults.push([id, kind]),
    });
    await app.host.settled();
    await app.entered("mute", "restarting");
    expect(faults[0]).toEqual(["mute", "init_timeout"]);
    await app.entered("good", "ready");
    await expectGoodWorks(app);
    expect(
      app.logs.find(({ id, event }) => id === "mute" && event === "microapp.restarting")?.fields,
    )
      .toMatchObject({ reason: expect.stringContaining("no answer in 2000 ms") });
    await expect(app.host.request({ microappId: "mute", method: "x", params: {}, account: "acme" }))
      .rejects.toMatchObject({ code: "microapp_not_ready" });
  });

  it("never answers a call: the call times out, and the tenant's breaker opens", async () => {
    const mute = childCandidate("mute", "never_answers.mjs", {
      args: ["shakes-hands"],
      entry: { timeout_secs: 0.05 },
    });
    let now = 1_000_000;
    await using app = await openTestHost([good, mute], {
      now: () => now,
    });
    await app.host.settled();
    const calls = Array.from({ length: 5 }, () => callTool(app, "mute", "echo"));
    for (const call of calls) {
      await expect(call).rejects.toMatchObject({ code: "microapp_timeout" });
    }
    await expect(callTool(app, "mute", "echo")).rejects.toMatchObject({
      code: "microapp_breaker_open",
    });
    // Another tenant's breaker is its own.
    await expect(callTool(app, "mute", "echo", {}, { account: "globex" }))
      .rejects.toMatchObject({ code: "microapp_timeout" });
    now += 10_000;
    const [probe, second] = [callTool(app, "mute", "echo"), callTool(app, "mute", "echo")];
    await expect(second).rejects.toMatchObject({ code: "microapp_breaker_open" });
    await expect(probe).rejects.toMatchObject({ code: "microapp_timeout" });
    now += 10_000;
    await expect(callTool(app, "mute", "echo")).rejects.toMatchObject({
      code: "microapp_breaker_open",
    });
    await expectGoodWorks(app);
  });

  it("answers with ordinary errors: they never open a breaker", async () => {
    await using app = await openTestHost([good]);
    await app.host.settled();
    for (let n = 0; n < 10; n++) expect((await callTool(app, "good", "bad")).ok).toBe(false);
    await expectGoodWorks(app);
  });

  it("answers twice", async () => {
    await using app = await openTestHost([good, childCandidate("twice", "answers_twice.mjs")]);
    await app.host.settled();
    for (let n = 0; n < 5; n++) {
      const result = await callTool(app, "twice", "echo", { n });
      expect(result.ok && result.value).toMatchObject({ args: { n } });
    }
    expect(app.logs).toContainEqual(expect.objectContaining({
      id: "twice",
      event: "microapp.stray_line",
      fields: { why: "answer to no open call", count: 1 },
    }));
  });

  it.each(["stdout", "stderr"])("floods %s", async (stream) => {
    await using app = await openTestHost([
      good,
      childCandidate("floods", "floods.mjs", { args: [stream] }),
    ]);
    await app.host.settled();
    await app.entered("good", "ready");
    await expectGoodWorks(app);
    await app.entered("floods", "ready");
    expect((await callTool(app, "floods", "echo")).ok).toBe(true);
    expect(app.logs.filter(({ id }) => id === "floods").length).toBeLessThan(2_000);
  });

  it("writes a line over the limit: that line is lost and nothing else", async () => {
    await using app = await openTestHost([
      good,
      childCandidate("huge", "huge_line.mjs", { entry: { timeout_secs: 5 } }),
    ], { limits: { lineBytes: 16 * 1024 * 1024 } });
    await app.host.settled();
    const fits = await callTool(app, "huge", "echo", { bytes: 15 * 1024 * 1024 });
    expect(fits.ok && String(fits.value).length).toBe(15 * 1024 * 1024);
    const lost = callTool(app, "huge", "echo", { bytes: 17 * 1024 * 1024 });
    const after = await callTool(app, "huge", "echo", { bytes: 3 });
    expect(after.text).toBe("xxx");
    await expectGoodWorks(app);
    await expect(lost).rejects.toMatchObject({ code: "microapp_timeout" });
  });

  it("ends without a final newline: its last words count", async () => {
    await using app = await openTestHost([childCandidate("last", "no_final_newline.mjs")]);
    await app.host.settled();
    expect((await callTool(app, "last", "echo")).text).toBe("last words");
    await app.entered("last", "ready", 2);
  });

  it("reads nothing while it goes on asking and being told", async () => {
    const bytes = 64 * 1024;
    await using app = await openTestHost([
      good,
      childCandidate("deaf", "reads_nothing.mjs", { entry: { timeout_secs: 0.3 } }),
    ], { limits: { waitingChars: 4 * bytes } });
    await app.host.settled();
    await app.entered("deaf", "ready");
    const big = { text: "x".repeat(bytes) };
    for (let n = 0; n < 100; n++) app.host.notify("deaf", "nexo/notify/agent_event", big);
    await expect(callTool(app, "deaf", "echo")).rejects.toMatchObject({ code: "microapp_timeout" });
    await expectGoodWorks(app);
  });

  it("crashes in a call: that call fails and nothing waits for the next process", async () => {
    await using app = await openTestHost([good, childCandidate("crashes", "crashes.mjs")]);
    await app.host.settled();
    const before = app.host.tools().length;
    const crash = callTool(app, "crashes", "bad");
    const queued = Array.from({ length: 8 }, () => callTool(app, "crashes", "echo"));
    await expect(crash).rejects.toMatchObject({ code: "microapp_exited" });
    for (const call of queued) {
      await expect(call).rejects.toMatchObject({ code: "microapp_exited" });
    }
    await app.entered("crashes", "ready", 2);
    expect(app.host.tools().length).toBe(before);
    // One crash is one fault, however many calls it ended.
    expect((await callTool(app, "crashes", "echo")).ok).toBe(true);
    const seenBySecond = () => {
      const lines = app.host.status().find(({ id }) => id === "crashes")?.stderr ?? [];
      return lines.slice(lines.findLastIndex((line) => line.includes('"initialize"')));
    };
    await expect.poll(seenBySecond).toHaveLength(2);
    await expectGoodWorks(app);
  });
});

describe("no process is left when a microapp", () => {
  it("ignores shutdown, its closed stdin and SIGTERM", async () => {
    const app = await openTestHost([childCandidate("stubborn", "ignores_shutdown.mjs")]);
    await app.host.settled();
    const pid = app.host.status()[0]?.pid ?? 0;
    expect(await isAlive(pid)).toBe(true);
    await app[Symbol.asyncDispose]();
    expect(await isAlive(pid)).toBe(false);
  });

  it("has children of its own, at a crash and at the end", async () => {
    const app = await openTestHost([childCandidate("parent", "leaves_grandchild.mjs")]);
    await app.host.settled();
    const grandchild = async () => {
      const result = await callTool(app, "parent", "echo");
      return result.ok ? result.value as number : 0;
    };
    const first = await grandchild();
    expect(await isAlive(first)).toBe(true);
    await expect(callTool(app, "parent", "bad")).rejects.toMatchObject({ code: "microapp_exited" });
    expect(await isAlive(first)).toBe(false);
    await app.entered("parent", "ready", 2);
    const second = await grandchild();
    expect(await isAlive(second)).toBe(true);
    await app[Symbol.asyncDispose]();
    expect(await isAlive(second)).toBe(false);
  });

  it("outlives a core that was killed with its warden: the next core ends it", async () => {
    const homeDir = await mkdtemp(join(tmpdir(), "nexo-host-"));
    try {
      const program = fileURLToPath(
        new URL("../../support/microapps/dying_core.ts", import.meta.url),
      );
      const core = spawn(process.execPath, ["--import", "tsx", program, homeDir], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const exited = once(core, "exit");
      const lines = createInterface({ input: core.stdout })[Symbol.asyncIterator]();
      const orphan = Number((await lines.next()).value);
      // Core first, stopped: it must neither notice that its warden is gone nor outlive it.
      core.kill("SIGSTOP");
      for (const pid of await childrenOf(core.pid ?? 0)) {
        if (pid !== orphan) process.kill(pid, "SIGKILL");
      }
      core.kill("SIGKILL");
      await exited;
      expect(await isAlive(orphan)).toBe(true);
      // It is ended though the next core knows no microapp of its name.
      await using app = await openTestHost([good], { homeDir });
      await app.host.settled();
      await expect.poll(() => isAlive(orphan)).toBe(false);
      expect(app.logs).toContainEqual(
        expect.objectContaining({ id: "stubborn", event: "microapp.leftover_ended" }),
      );
    } finally {
      await rm(homeDir, { recursive: true, force: true });
    }
  });
});
