/**
 * A limit over processes that are killed, and that come back with another one.
 *
 * @module
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { blockOf } from "../../../core/limits/bucket.ts";
import { commandOf, startProgram } from "./programs.ts";

it("R5: kill -9 gives no call back, and costs a block at most, also when the limit changes", async () => {
  const dir = await mkdtemp(join(tmpdir(), "limits-"));
  let given = 0;
  let slack = 0;
  try {
    for (const [burst, printed] of [[60, 13], [8, 1], [120, 25], [90, 17]] as const) {
      await using taker = startProgram(commandOf("limit_taker", [dir, String(burst)]));
      // Slow to be killed, it may have taken all there is.
      await taker.until((lines) => lines.length >= printed || lines.includes("-"));
      taker.process.kill("SIGKILL");
      await taker.ended();
      const granted = taker.lines.filter((line) => line === "+").length;
      if (granted > 0) expect(given + granted).toBeLessThanOrEqual(burst);
      given += granted;
      // Its block, and the call it was killed in before it could say so.
      slack += blockOf({ rps: 1, burst }) + 1;
    }
    const burst = 150;
    await using last = startProgram(commandOf("limit_taker", [dir, String(burst)]));
    await last.ended();
    given += last.lines.filter((line) => line === "+").length;
    expect(last.lines.at(-1)).toBe("-");
    expect(given).toBeLessThanOrEqual(burst);
    expect(given).toBeGreaterThanOrEqual(burst - slack);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
});
