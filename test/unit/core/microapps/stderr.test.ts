/**
 * A child's stderr as log lines.
 *
 * @module
 */
import { PassThrough } from "node:stream";
import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import { createTail, readLogLine, readStderr } from "../../../../core/microapps/stderr.ts";

describe("readLogLine()", () => {
  it.each([
    ["[INFO] started", "info", "started"],
    ["[WARN]careful", "warn", "careful"],
    ["[ERROR] broken", "error", "broken"],
    ["[DEBUG] x", "debug", "x"],
    ["plain words", "info", "plain words"],
    ["[OTHER] words", "info", "[OTHER] words"],
    ["\u001b[31m[ERROR]\u001b[0m red \u001b[1mbold\u001b[0m", "error", "red bold"],
  ])("reads %j", (line, level, text) => expect(readLogLine(line)).toEqual({ level, text }));
});

describe("readStderr()", () => {
  it("keeps the last lines and logs no more than 200 a second", async () => {
    const input = new PassThrough();
    const tail = createTail(3);
    const events: string[] = [];
    const add = (event: string) => void events.push(event);
    let nowMs = 5_000;
    readStderr({
      input,
      log: { debug: add, info: add, warn: add, error: add },
      tail,
      now: () => nowMs,
    });
    input.write("a line\n".repeat(500));
    await setImmediate();
    nowMs += 1_000;
    input.write("one\ntwo\nthree\n");
    input.resume();
    await setImmediate();
    expect(events.length).toBe(200 + 1 + 3);
    expect(events[200]).toBe("microapp.stderr_dropped");
    expect(tail.lines()).toEqual(["one", "two", "three"]);
  });
});

describe("createTail()", () => {
  it("keeps the last lines, and lets strays push out strays only", () => {
    const tail = createTail(4);
    tail.add("one");
    tail.add("two");
    for (let n = 0; n < 1000; n++) tail.addStray(`stray ${n}`);
    expect(tail.lines()).toEqual(["one", "two", "stray 998", "stray 999"]);
    for (const line of ["three", "four", "five", "six"]) tail.add(line);
    expect(tail.lines()).toEqual(["three", "four", "five", "six"]);
  });
});
