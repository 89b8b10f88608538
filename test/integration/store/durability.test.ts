import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { describe, expect, it } from "vitest";

import { delay } from "../../../core/flow/delay.ts";
import { openStore } from "../../../core/store/open_store.ts";
import { append, insert, type Store } from "../../../core/store/store.ts";
import { migrationsDir, openTestStore, silentLog } from "../../support/store.ts";
import { commandOf, startProgram } from "./programs.ts";

const event = (body: string) =>
  append("agent_events", ["events"], ([all]) => ({
    row: {
      id: all?.offset ?? 0,
      account_id: "a",
      offset: all?.offset ?? 0,
      kind: "test",
      at_ms: 0,
      body,
    },
    hash: body,
  }));

/** Every key of `meta` and every event's body, once each; offsets are 1, 2, 3, … */
async function expectWhole(store: Store, acknowledged: readonly string[]): Promise<void> {
  const kept = (await store.readMany("SELECT key FROM meta")).map((row) => row["key"]);
  const events = await store.readMany("SELECT id, body FROM agent_events ORDER BY id");
  const present = new Set(kept);
  expect(acknowledged.filter((name) => !present.has(name))).toEqual([]);
  expect(events.map((row) => row["id"])).toEqual(events.map((_, i) => i + 1));
  expect(events).toHaveLength(kept.length);
  expect(new Set(events.map((row) => row["body"]))).toEqual(present);
  expect(await store.readMany("PRAGMA integrity_check")).toEqual([{ integrity_check: "ok" }]);
}

describe("a foreign program that locks the database in bursts", () => {
  it("costs no acknowledged row, doubles none, and leaves no gap", async () => {
    let replays = 0;
    const log = {
      ...silentLog,
      warn: (name: string) => void (name === "store.flush_failed" && replays++),
    };
    await using opened = await openTestStore({ log, checkpointPages: 200 });
    const { store, url } = opened;
    await using foreign = startProgram(commandOf("foreign_lock", [url]));
    await foreign.printed(1);
    const acknowledged: string[] = [];
    const isEnough = () =>
      foreign.lines.length >= 15 && replays >= 15 && acknowledged.length > 1_000;
    for (let round = 0; round < 5_000 && !isEnough(); round++) {
      await Promise.all(Array.from({ length: 50 }, async (_, i) => {
        const name = `${round}-${i}`;
        await store.commit([insert("meta", { key: name, value: "" }), event(name)]);
        acknowledged.push(name);
      }));
    }
    expect(replays).toBeGreaterThan(0);
    expect(acknowledged.length).toBeGreaterThan(1_000);
    await expectWhole(store, acknowledged);
    const [{ n } = {}] = await store.readMany("SELECT count(*) AS n FROM meta");
    expect(n).toBe(acknowledged.length);
  });
});

describe("kill -9", () => {
  it("costs no acknowledged row, however often", async () => {
    const dir = await mkdtemp(join(tmpdir(), "killed-"));
    const acknowledged: string[] = [];
    for (let run = 0; run < 3; run++) {
      await using committer = startProgram(commandOf("committer", [dir, String(run)]));
      await committer.printed(200);
      await delay(Math.random() * 400);
      committer.process.kill("SIGKILL");
      await committer.ended();
      // The last line may have been cut off in the middle.
      acknowledged.push(
        ...committer.lines.filter((line) => /^\d+-\d+-\d+$/.test(line)).slice(0, -1),
      );
    }
    await using store = await openStore({
      url: `file:${join(dir, "core.db")}`,
      migrationsDir,
      now: Date.now,
      log: silentLog,
    });
    await expectWhole(store, acknowledged);
    await rm(dir, { recursive: true });
  });
});

describe("a full disk", () => {
  it("refuses units clearly, keeps what was acknowledged, and goes on when there is room", async () => {
    const dir = await mkdtemp(join(tmpdir(), "full-"));
    // A limit on file sizes (in blocks of 512 bytes) stands in for the end of the disk.
    const limited = ["sh", "-c", 'trap "" XFSZ; ulimit -f 4000; exec "$@"', "sh"];
    await using program = startProgram([...limited, ...commandOf("fill_disk", [dir])]);
    await program.ended();
    const { acknowledged, refusal, emptied, kept } = JSON.parse(program.lines[0] ?? "{}") as Record<
      string,
      unknown
    >;
    expect(refusal).toBe("store_full");
    expect(emptied).toBe(true);
    expect((acknowledged as string[]).length).toBeGreaterThan(3);
    expect(kept).toEqual([...acknowledged as string[], "small"].toSorted());
    await rm(dir, { recursive: true });
  });
});
