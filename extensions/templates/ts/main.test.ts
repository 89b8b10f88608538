/**
 * The notebook, asked as nexo asks it.
 *
 * @module
 */
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openTestSession } from "nexo-microapps/sdk";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createNotebook } from "./notebook.ts";

let stateDir = "";
beforeEach(async () => {
  stateDir = await mkdtemp(join(tmpdir(), "notebook-"));
});
afterEach(() => rm(stateDir, { recursive: true, force: true }));

describe("the notebook", () => {
  it("keeps notes", async () => {
    await using session = await openTestSession(createNotebook(), { stateDir });
    await session.callTool("note_add", { text: "Buy milk", title: "Shopping" });
    expect(await session.callTool("note_list", {})).toMatchObject({
      notes: [{ title: "Shopping", text: "Buy milk" }],
    });
  });

  it("keeps tenants apart", async () => {
    await using session = await openTestSession(createNotebook(), { stateDir });
    await session.callTool("note_add", { text: "Ours" }, { accountId: "acme" });
    expect(await session.callTool("note_list", {}, { accountId: "globex" })).toEqual({ notes: [] });
    expect(await readdir(join(stateDir, "tenants"))).toEqual(["acme", "globex"]);
  });

  it("saves a note once when the same call comes again", async () => {
    await using session = await openTestSession(createNotebook(), { stateDir });
    const call = { callId: "turn-1:step-2" };
    await session.callTool("note_add", { text: "Once" }, call);
    await session.callTool("note_add", { text: "Once" }, call);
    expect(await session.callTool("note_list", {})).toMatchObject({ notes: [{ text: "Once" }] });
  });

  it("refuses an empty note", async () => {
    await using session = await openTestSession(createNotebook(), { stateDir });
    await expect(session.callTool("note_add", { text: "" })).rejects.toThrow("invalid arguments");
  });

  it("blocks a message with the configured word", async () => {
    const config = { blocked_word: "secret" };
    await using session = await openTestSession(createNotebook(), { stateDir, config });
    expect(await session.runHook("before_message", { text: "hello" })).toMatchObject({
      abort: false,
    });
    expect(await session.runHook("before_message", { text: "a secret" })).toMatchObject({
      abort: true,
    });
  });
});
