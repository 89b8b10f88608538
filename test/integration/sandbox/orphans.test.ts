/**
 * Core dies without a word; nothing that it started may live on, at any level.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { readdir, readFile, rm } from "node:fs/promises";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { MARK_VARIABLE } from "../../../core/microapps/sandbox/warden.ts";

const program = fileURLToPath(new URL("../../support/sandbox/dying_core.ts", import.meta.url));

/** Processes with the mark of this core's children, wherever they have moved. */
async function descendants(instance: string): Promise<string[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const marked = await Promise.all(pids.map(async (pid) => {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    return environment.includes(`${MARK_VARIABLE}=${instance}.`);
  }));
  return pids.filter((_, at) => marked[at]);
}

describe("after kill -9 of core", () => {
  it.each(["bwrap", "permissions", "none"])("no descendant is alive at level %s", async (level) => {
    const instance = randomUUID();
    const core = spawn(process.execPath, ["--import", "tsx", program, instance, level], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const exited = once(core, "exit");
    let homeDir = "";
    try {
      const lines = createInterface({ input: core.stdout })[Symbol.asyncIterator]();
      const { value } = await lines.next();
      const [levels, home = ""] = String(value).split(" ");
      homeDir = home;
      expect(levels).toBe(`${level},${level}`);
      expect((await descendants(instance)).length).toBeGreaterThanOrEqual(2);
    } finally {
      core.kill("SIGKILL");
      await exited;
      if (homeDir !== "") await rm(homeDir, { recursive: true, force: true });
    }
    await expect.poll(() => descendants(instance)).toEqual([]);
  });
});
