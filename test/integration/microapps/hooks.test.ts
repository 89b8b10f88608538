/**
 * Hooks asked of real children.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { HOST_TIMEOUTS } from "../../../core/microapps/host.ts";
import { childCandidate, openTestHost, testMeta } from "../../support/microapps/host.ts";

const hooking = (id: string, outcome: unknown, priority = 0) =>
  childCandidate(id, "hooks.mjs", { args: [JSON.stringify(outcome)], priority });
const context = { meta: testMeta(), account: "acme" };
const message = { agent_id: "ana", session_id: null, text: "hi", source: "webchat" };

describe("runHook()", () => {
  it("asks by priority and hands each change to the next and to the host", async () => {
    await using app = await openTestHost([
      hooking("a-last", { vote: "allow" }, 10),
      hooking("b-first", { decision: "transform", transformed_body: "changed" }, -1),
      hooking("c-second", { override: { extra: 1, agent_id: "spoofed", _meta: {} } }),
    ]);
    await app.host.settled();
    expect(app.host.hasHooks("before_message", "acme")).toBe(true);
    const outcome = await app.host.runHook("before_message", message, context);
    expect(outcome).toEqual({
      blocked: null,
      failed: null,
      mute: null,
      params: { ...message, text: "changed", body: "changed", extra: 1 },
      effects: [
        { microappId: "b-first", effect: "transform", reason: "" },
        { microappId: "c-second", effect: "override", reason: "" },
      ],
    });
    const heard = (): string | undefined =>
      app.host.status()[0]?.stderr.find((line) => line.startsWith("{"));
    await expect.poll(heard).toBeDefined();
    expect(JSON.parse(heard() ?? "")).toEqual({ ...outcome.params, _meta: testMeta() });
  });

  it("stops at the first microapp that says no", async () => {
    const no = { abort: true, decision: "block", reason: "not now", do_not_reply_again: true };
    await using app = await openTestHost([hooking("a", no), hooking("b", null)]);
    await app.host.settled();
    expect(await app.host.runHook("before_message", message, context)).toMatchObject({
      blocked: { microappId: "a", reason: "not now" },
      mute: { microappId: "a", reason: "not now" },
      effects: [{ microappId: "a", effect: "block", reason: "not now" }],
    });
    // It was asked nothing: the line is of its handshake.
    expect(app.host.status()[1]?.stderr).toEqual(['nexo: hook "made_up" is unknown']);
    // What has happened cannot be stopped, but the wish for silence counts.
    expect(await app.host.runHook("after_message", { text_out: "x" }, context)).toEqual({
      blocked: null,
      failed: null,
      mute: { microappId: "a", reason: "not now" },
      params: { text_out: "x" },
      effects: [],
    });
  });

  it("goes on when a microapp fails, crashes, is late or says something unreadable", async () => {
    await using app = await openTestHost([
      hooking("a-crashes", { crash: true }),
      hooking("b-fails", { error: { code: -32000, message: "no" } }),
      hooking("c-odd", "whatever"),
      childCandidate("d-late", "never_answers.mjs", {
        args: ["shakes-hands"],
        entry: { timeout_secs: 0.05 },
      }),
      hooking("e-good", { override: { text: "still asked" } }),
    ]);
    await app.host.settled();
    const outcome = await app.host.runHook("before_message", message, context);
    expect(outcome.params).toMatchObject({ text: "still asked", body: "still asked" });
    const warned = app.logs.filter(({ event }) => event.startsWith("microapp.hook_"));
    expect(warned.map(({ id, event }) => [id, event])).toEqual([
      ["a-crashes", "microapp.hook_failed"],
      ["b-fails", "microapp.hook_failed"],
      ["c-odd", "microapp.hook_failed"],
      ["d-late", "microapp.hook_failed"],
    ]);
  });

  it("waits no longer when an operator gave the microapp's tools more time", async () => {
    const late = childCandidate("late", "never_answers.mjs", {
      args: ["shakes-hands"],
      entry: { timeout_secs: 3600 },
    });
    const timeouts = { ...HOST_TIMEOUTS, hookMs: 50, politeMs: 100, killMs: 200 };
    await using app = await openTestHost([late], { timeouts });
    await app.host.settled();
    const outcome = await app.host.runHook("before_message", message, context);
    expect(outcome).toMatchObject({ blocked: null, params: { text: "hi" } });
  });

  it("does not go on without a microapp that must have its say", async () => {
    const quiet = childCandidate("quiet", "good.mjs");
    const refused = { ...childCandidate("refused", "good.mjs"), refusal: "not granted" };
    let guard = "none";
    await using app = await openTestHost([
      hooking("a-agrees", null),
      hooking("b-fails", { error: { code: -32000, message: "no" } }),
      hooking("c-odd", "whatever"),
      quiet,
      refused,
    ], { guards: (_point, account) => account === "acme" ? [guard] : [] });
    await app.host.settled();
    const outcomes: Record<string, string | undefined> = {};
    for (guard of ["a-agrees", "b-fails", "c-odd", "quiet", "refused", "not-there"]) {
      const { failed } = await app.host.runHook("before_message", message, context);
      outcomes[guard] = failed?.reason;
    }
    expect(outcomes).toEqual({
      "a-agrees": undefined,
      "b-fails": "no",
      "c-odd": 'Cannot read what "c-odd" says to hooks/before_message',
      "quiet": 'Cannot ask "quiet": it does not take hooks/before_message',
      "refused": 'Cannot call microapp "refused": it is failed',
      "not-there": 'Cannot call microapp "not-there": there is none of that name',
    });
    const other = { meta: testMeta("c", "globex"), account: "globex" };
    expect((await app.host.runHook("before_message", message, other)).failed).toBeNull();
    expect(app.host.hasHooks("before_message", "acme")).toBe(true);
  });
});
