/**
 * The main job from end to end: a signed webhook becomes a turn on record for its tenant.
 *
 * @module
 */
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { describe, expect, it } from "vitest";
import { openDaemonPlace } from "../support/daemon.ts";
import { eventually, type SeenTurn, tailTurns } from "../support/watch.ts";

describe("nexo dev", () => {
  it("turns a signed webhook into one turn of its tenant, with its tool call, and of no other", async () => {
    await using place = await openDaemonPlace();
    const daemon = await place.start();

    const sent = await place.nexo("webhook", "send", "github");
    expect(sent).toMatchObject({ code: 0, stderr: "" });
    expect(sent.stdout).toMatch(
      /^204 No Content {2}http:\/\/127\.0\.0\.1:\d+\/webhooks\/github\n$/,
    );

    const listed = await eventually(daemon, async () => {
      const [turn] = await tailTurns(daemon, { account: "acme" });
      return turn && await place.nexo("turns", "tail", "--account", "acme", "--json");
    });
    expect(listed.code).toBe(0);
    const { deliveries: [delivery] } = await daemon.call<{ deliveries: SeenTurn[] }>("inbox/list");
    const turns = JSON.parse(listed.stdout) as SeenTurn[];
    expect(turns).toHaveLength(1);
    expect(turns[0]).toMatchObject({
      account_id: "acme",
      agent_id: "ana",
      binding_id: "event:github",
      outcome: "ok",
      error: null,
      tool_calls: 1,
      envelope_id: delivery?.envelope_id,
      delivery_id: delivery?.delivery_id,
    });
    expect(turns[0]?.delivery_id).toMatch(/^[0-9a-f-]{36}$/);
    expect(turns[0]?.tokens_in).toBeGreaterThan(0);
    expect(turns[0]?.tokens_out).toBeGreaterThan(0);

    const others = await place.nexo("turns", "tail", "--account", "globex", "--json");
    expect(others).toMatchObject({ code: 0, stdout: "[]\n" });
  });

  it("refuses a second daemon on the same home, naming the first, which goes on", async () => {
    await using place = await openDaemonPlace();
    const first = await place.start();
    const second = await place.nexo("dev");
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`process ${first.pid} holds`);
    expect(await first.call("status")).toMatchObject({ pid: first.pid, ready: true });
    expect((await place.nexo("chat", "acme", "still there?")).stdout).toContain("still there?");
  });

  it("answers in the chat, ends with 0 when asked to, and serves the same record when started again", async () => {
    await using place = await openDaemonPlace();
    const first = await place.start();
    const said = await place.nexo("chat", "acme", "hello");
    expect(said).toEqual({ code: 0, stdout: 'You said: "hello"\n', stderr: "" });
    expect(await first.stop()).toBe(0);
    expect((await place.nexo("turns", "tail")).code).toBe(3);
    const [turn] = await tailTurns(await place.start());
    expect(turn).toMatchObject({ account_id: "acme", outcome: "ok" });
  });
});

describe("nexo chat", () => {
  it("says that a person has the conversation, also after a restart; the act is the tenant's record", async () => {
    await using place = await openDaemonPlace();
    const first = await place.start();
    const scope = {
      kind: "conversation",
      agent_id: "ana",
      channel: "webchat",
      account_id: "acme",
      contact_id: "cli",
    };
    await first.call("nexo/admin/processing/pause", { scope });
    await first.kill();
    const daemon = await place.start();
    const said = await place.nexo("chat", "acme", "anybody?");
    expect(said).toMatchObject({ code: 0, stderr: "" });
    expect(said.stdout).toMatch(/the conversation is paused, a person has it/);
    const answer = await place.nexo("chat", "acme", "hello?", "--json");
    expect(JSON.parse(answer.stdout)).toMatchObject({ accepted: true, outcome: "paused" });
    expect(await daemon.call("nexo/admin/processing/resume", { scope })).toMatchObject({
      changed: true,
      drained_pending: 2,
    });
    const audit = ["microapp", "admin", "audit", "tail", "--tenant", "acme", "--format", "json"];
    const rows = JSON.parse((await place.nexo(...audit)).stdout) as { method: string }[];
    expect(rows.map(({ method }) => method)).toEqual(
      expect.arrayContaining(["nexo/admin/processing/pause", "nexo/admin/processing/resume"]),
    );
  });
});

describe("the nexo command", () => {
  it("says what is wrong, and says it with its exit code", async () => {
    await using place = await openDaemonPlace();
    const alone = await place.nexo("turns", "tail", "--json");
    expect(alone).toMatchObject({ code: 3, stdout: "" });
    expect(alone.stderr).toContain("start it with `nexo dev` or `nexo core` [daemon_not_running]");

    await place.start();
    const checked = await place.nexo("check");
    expect(checked).toEqual({ code: 0, stdout: `${place.configDir}: no problems\n`, stderr: "" });
    const nowhere = await place.nexo("chat", "nowhere", "hello");
    expect(nowhere).toEqual({
      code: 1,
      stdout: "",
      stderr: 'nexo: Cannot chat on "nowhere": no active agent answers there [not_found]\n',
    });
    const silent = await place.nexo("chat", "acme", " ");
    expect(silent).toMatchObject({ code: 1, stdout: "" });
    expect(silent.stderr).toMatch(/^nexo: Cannot chat: text: .*\[invalid_params\]\n$/);

    for (
      const wrong of [
        ["chat", "acme"],
        ["nonsense"],
        ["turns", "tail", "--limit", "none"],
        ["dev", "--port", "70000"],
      ]
    ) {
      expect(await place.nexo(...wrong), wrong.join(" ")).toMatchObject({ code: 2, stdout: "" });
    }
  });
});

describe("nexo audit verify", () => {
  it("exits 0 while the chains hold, and 1 once a byte of a turn was changed", async () => {
    await using place = await openDaemonPlace();
    const before = await place.start();
    await place.nexo("chat", "acme", "one");
    await place.nexo("chat", "acme", "two");
    const whole = await place.nexo("audit", "verify");
    expect(whole).toMatchObject({ code: 0, stderr: "" });
    expect(whole.stdout).toMatch(/^acme +turns +2 +yes$/m);
    await before.stop();

    const path = join(place.home, "state", "core.db");
    const db = createClient({ url: `file:${path}` });
    const changed = await db.execute("UPDATE turns SET model = 'rulez' WHERE offset = 1");
    db.close();
    expect(changed.rowsAffected).toBe(1);

    await place.start();
    const broken = await place.nexo("audit", "verify", "--json");
    expect(broken.code).toBe(1);
    const chains = JSON.parse(broken.stdout) as {
      account: string;
      table: string;
      ok: boolean;
      problems: unknown[];
    }[];
    expect(chains.find(({ table }) => table === "turns")).toMatchObject({
      account: "acme",
      ok: false,
      problems: [{ offset: 1, problem: "the row was changed" }],
    });
    expect(chains.find(({ table }) => table === "admin_audit")).toMatchObject({ ok: true });
  });
});
