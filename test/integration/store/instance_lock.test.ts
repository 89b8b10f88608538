import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { afterEach, beforeEach, describe, expect, it } from "vitest";

import { openInstanceLock } from "../../../core/store/instance_lock.ts";
import { commandOf, startProgram } from "./programs.ts";

let dir: string;
let path: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "lock-"));
  path = join(dir, "lock.db");
});

afterEach(() => rm(dir, { recursive: true }));

const start = () => startProgram(commandOf("lock_holder", [path]));

describe("the instance lock", () => {
  it("refuses a second process, names the first, and hurts nobody", async () => {
    await using first = start();
    await first.printed(1);
    await using second = start();
    await second.ended();
    expect(second.lines).toEqual([
      `Cannot start: process ${first.process.pid} holds "${dir}"`,
    ]);
    await expect(openInstanceLock({ path, pid: process.pid })).rejects.toMatchObject({
      code: "daemon_running",
    });
    expect(first.process.exitCode).toBeNull();
    expect(first.lines).toEqual(["held"]);
  });

  it("is free again at once when its holder is killed with -9", async () => {
    await using first = start();
    await first.printed(1);
    first.process.kill("SIGKILL");
    await first.ended();
    expect(await readFile(`${path}.pid`, "utf8")).toBe(`${first.process.pid}\n`);
    await using second = start();
    await second.printed(1);
    expect(second.lines).toEqual(["held"]);
    expect(await readFile(`${path}.pid`, "utf8")).toBe(`${second.process.pid}\n`);
  });

  it("goes to exactly one of several that start together", async () => {
    await using a = start();
    await using b = start();
    await using c = start();
    const all = [a, b, c];
    await Promise.all(all.map((one) => one.printed(1)));
    expect(all.filter(({ lines }) => lines[0] === "held")).toHaveLength(1);
  });

  it("can be given back and taken again within one process", async () => {
    for (let round = 0; round < 3; round++) {
      const lock = await openInstanceLock({ path, pid: process.pid });
      await expect(openInstanceLock({ path, pid: process.pid })).rejects.toMatchObject({
        code: "daemon_running",
      });
      await lock[Symbol.asyncDispose]();
      await lock[Symbol.asyncDispose]();
    }
  });
});
