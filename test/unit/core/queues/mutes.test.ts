/**
 * Muted conversations are known by heart, and the disk has the last word.
 *
 * @module
 */
import { describe, expect, it, vi } from "vitest";
import { sessionIdOf } from "../../../../core/agents/session.ts";
import { createMutes, type Mute } from "../../../../core/queues/mutes.ts";
import type { Store } from "../../../../core/store/store.ts";
import { settingsOf } from "../../../support/settings.ts";
import { openSpine, type Spine } from "../../../support/spine.ts";
import { VISITOR } from "../../../support/turns.ts";

const { account_id: ACCOUNT } = VISITOR;
const SESSION = sessionIdOf(VISITOR);

async function open(): Promise<Spine> {
  const settings = await settingsOf({ "agents.yaml": "agents: []\n" });
  return openSpine(() => settings);
}

function muteOf(turnId: string | null): Mute {
  return { key: VISITOR, sessionId: SESSION, by: "guard", reason: "", turnId, atMs: 1 };
}

/** Counts how often a store is asked from now on. */
function countReads(store: Store): () => number {
  const spies = [vi.spyOn(store, "readEach"), vi.spyOn(store, "readMany")];
  return () => spies.reduce((sum, { mock }) => sum + mock.calls.length, 0);
}

describe("isMuted()", () => {
  it("looks at the disk once for all conversations that never were", async () => {
    await using spine = await open();
    const reads = countReads(spine.store);
    const mutes = createMutes(spine);
    for (const session of ["a", "b", SESSION]) {
      expect(await mutes.isMuted(ACCOUNT, session, "t")).toBe(false);
    }
    expect(reads()).toBe(1);
  });

  it("knows what an earlier process muted, also when many ask at once", async () => {
    await using spine = await open();
    await spine.store.commit(spine.mutes.rowsForMuted(muteOf("t-1")));
    const reads = countReads(spine.store);
    const mutes = createMutes(spine);
    const asked = ["t-1", "t-2"].map(async (turn) => mutes.isMuted(ACCOUNT, SESSION, turn));
    expect(await Promise.all(asked)).toEqual([false, true]);
    expect(await mutes.isMuted("globex", SESSION, "t-2")).toBe(false);
    expect(await mutes.isMuted(ACCOUNT, "another", "t-2")).toBe(false);
    expect(reads()).toBe(4);
  });

  it("follows what is muted and unmuted while it runs, once it is on disk", async () => {
    await using spine = await open();
    const { mutes, store } = spine;
    const isMuted = (turn: string) => mutes.isMuted(ACCOUNT, SESSION, turn);
    expect(await isMuted("t-1")).toBe(false);
    const writes = mutes.rowsForMuted(muteOf(null));
    expect(await isMuted("t-1")).toBe(false);
    await store.commit(writes);
    expect(await isMuted("t-1")).toBe(true);
    await store.commit(mutes.rowsForUnmuted(ACCOUNT, SESSION));
    expect(await isMuted("t-1")).toBe(false);
    await store.commit(mutes.rowsForMuted(muteOf("t-2")));
    expect([await isMuted("t-1"), await isMuted("t-2")]).toEqual([true, false]);
  });

  it("asks again after the disk could not be read", async () => {
    await using spine = await open();
    await spine.store.commit(spine.mutes.rowsForMuted(muteOf(null)));
    vi.spyOn(spine.store, "readMany").mockRejectedValueOnce(new Error("the disk is gone"));
    const mutes = createMutes(spine);
    await expect(mutes.isMuted(ACCOUNT, SESSION, "t")).rejects.toThrow("the disk is gone");
    expect(await mutes.isMuted(ACCOUNT, SESSION, "t")).toBe(true);
  });
});
