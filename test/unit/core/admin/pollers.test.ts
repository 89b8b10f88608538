import { describe, expect, it } from "vitest";
import { microapp, operator } from "../../../support/admin.ts";
import { openAdminPlace } from "../../../support/admin_methods.ts";

const FILES = {
  "agents.yaml": `agents:
  - { id: ana, tenant_id: acme, model: { provider: offline, model: rules }, inbound_bindings: [{ plugin: webchat, instance: acme }] }
  - { id: bob, tenant_id: globex, model: { provider: offline, model: rules } }
  - { id: all, model: { provider: offline, model: rules } }
`,
  "tenants.yaml": "tenants: { acme: {}, globex: {} }\n",
  "pollers.yaml": `pollers:
  jobs:
    - id: box # kept
      kind: mailbox
      agent: ana
      schedule: { every_secs: 60 }
      config: { folder: in, password: "\${BOX_PASSWORD:-from-the-environment}" }
`,
};
const JOB = {
  id: "morning",
  kind: "agent_turn",
  agent: "ana",
  schedule: { cron: "0 8 * * *" },
  config: { user_prompt: "Sum up ${HOME}." },
};
const granted = microapp({
  pollers_read: ["acme"],
  pollers_crud: ["acme"],
  pollers_runtime: ["acme"],
});
const open = () => openAdminPlace(FILES);
const name = (method: string) => `nexo/admin/pollers/${method}`;

const REFUSED: readonly (readonly [object, RegExp])[] = [
  [{ agent: "eve" }, /agent `eve` not in yaml/],
  [{ agent: "bob" }, /agent `bob` not in yaml/],
  [{ kind: "gmail" }, /kind `gmail` is brought by no microapp/],
  [{ schedule: { at: "2020-01-01T00:00:00Z" } }, /has passed/],
  [{ schedule: { cron: "* *" } }, /5 fields/],
  [{ schedule: { cron: "* * * * *", every_secs: 5 } }, /every_secs, cron or at/],
  [{ config: {} }, /user_prompt/],
  [{
    config: { user_prompt: "x", deliver: { channel: "telegram", to: "1" } },
  }, /no binding for telegram/],
];

describe("nexo/admin/pollers/*", () => {
  it("write the file as a person would, and the job is there at once", async () => {
    await using place = await open();
    const answer = await place.dispatch(granted, name("upsert"), JOB);
    expect(answer).toMatchObject({
      created: true,
      entry: {
        id: "morning",
        tenant_id: "acme",
        paused: false,
        config: { user_prompt: "Sum up ${HOME}." },
        next_run_at_ms: expect.any(Number),
        consecutive_errors: 0,
      },
    });
    const file = await place.read("pollers.yaml");
    expect(file).toContain("- id: box # kept");
    expect(file).toContain("tenant_id: acme");
    const again = await place.dispatch(granted, name("upsert"), {
      ...JOB,
      config: undefined,
      schedule: { every_secs: 60 },
    });
    expect(again).toMatchObject({ created: false, entry: { config: JOB.config } });
    expect(await place.dispatch(granted, name("delete"), { id: "morning" })).toMatchObject({
      removed: true,
    });
    expect(await place.store.read("SELECT name FROM schedules")).toEqual([{ name: "box" }]);
    expect(await place.dispatch(granted, name("delete"), { id: "morning" })).toMatchObject({
      removed: false,
    });
  });

  it("show no value that the operator filled in from elsewhere", async () => {
    await using place = await open();
    const answer = await place.dispatch(granted, name("get"), { id: "box" });
    expect(answer).toMatchObject({
      config: { folder: "in", password: "${BOX_PASSWORD:-from-the-environment}" },
    });
  });

  it("pause, go on and run now, and say what changed", async () => {
    await using place = await open();
    const steer = (method: string) => place.dispatch(granted, name(method), { id: "box" });
    expect(await steer("pause")).toEqual({ id: "box", applied: true, new_state: "paused" });
    expect(await steer("pause")).toEqual({ id: "box", applied: false, new_state: "paused" });
    expect(await steer("run_now")).toEqual({ id: "box", applied: true, new_state: "running_now" });
    expect(await place.dispatch(granted, name("get"), { id: "box" })).toMatchObject({
      paused: true,
      next_run_at_ms: expect.any(Number),
    });
    expect(await steer("resume")).toEqual({ id: "box", applied: true, new_state: "running" });
    expect(await steer("resume")).toEqual({ id: "box", applied: false, new_state: "running" });
  });

  it("refuse what could not run, say why, and leave the file as it is", async () => {
    await using place = await open();
    const before = await place.read("pollers.yaml");
    for (const [over, message] of REFUSED) {
      await expect(place.dispatch(granted, name("upsert"), { ...JOB, ...over })).rejects
        .toMatchObject({ code: -32602, message: expect.stringMatching(message) });
    }
    expect(await place.read("pollers.yaml")).toBe(before);
  });

  it("answer -32603 for what is not there, and ask an operator for which tenant", async () => {
    await using place = await open();
    await expect(place.dispatch(operator, name("get"), { id: "none" })).rejects.toMatchObject({
      code: -32603,
      message: "internal: not_found: poller `none`",
    });
    await expect(place.dispatch(operator, name("upsert"), { ...JOB, agent: "all" })).rejects
      .toThrow(
        /tenant_id is missing/,
      );
  });
});
