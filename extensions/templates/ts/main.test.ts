/**
 * The notebook, asked as nexo asks it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { openTestHost } from "nexo-microapps/sdk/testing";
import { createNotebook } from "./notebook.ts";

describe("the notebook", () => {
  it("keeps notes", async () => {
    await using host = await openTestHost(createNotebook());
    await host.callTool("note_add", { text: "Buy milk", title: "Shopping" });
    const { notes } = await host.callTool("note_list", {}) as { notes: { text: string }[] };
    assert.deepEqual(notes.map(({ text }) => text), ["Buy milk"]);
  });

  it("keeps tenants apart", async () => {
    await using host = await openTestHost(createNotebook());
    await host.callTool("note_add", { text: "Ours" }, { accountId: "acme" });
    const theirs = await host.callTool("note_list", {}, { accountId: "globex" });
    assert.deepEqual(theirs, { notes: [] });
    assert.deepEqual(await readdir(join(host.stateDir, "tenants")), ["acme", "globex"]);
  });

  it("saves a note once when the same call comes again", async () => {
    await using host = await openTestHost(createNotebook());
    const call = { callId: "turn-1:step-2" };
    await host.callTool("note_add", { text: "Once" }, call);
    await host.callTool("note_add", { text: "Once" }, call);
    const { notes } = await host.callTool("note_list", {}) as { notes: unknown[] };
    assert.equal(notes.length, 1);
  });

  it("refuses an empty note", async () => {
    await using host = await openTestHost(createNotebook());
    await assert.rejects(host.callTool("note_add", { text: "" }), /invalid arguments: text/);
  });

  it("blocks a message with the configured word", async () => {
    await using host = await openTestHost(createNotebook(), { config: { blocked_word: "secret" } });
    assert.equal((await host.runHook("before_message", { text: "hello" })).abort, false);
    assert.equal((await host.runHook("before_message", { text: "a secret" })).abort, true);
  });
});
