/**
 * Time, tasks and drips from end to end: a real daemon, a real microapp, a real `kill -9`.
 *
 * @module
 */
import { cp, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createClient } from "@libsql/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace, type RunningDaemon } from "../support/daemon.ts";
import { eventually, tailTurns } from "../support/watch.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    allowed_tools: ["*", schedule, delegate, search_history]
    inbound_bindings: [{ plugin: webchat, instance: acme }]
    config: { debounce_ms: 0 }
  - id: bob
    model: { provider: offline, model: rules }
  - id: mara
    model: { provider: offline, model: rules }
    allowed_tools: [send_drip]
    event_subscribers:
      - id: drip
        subject_pattern: marketing.drip.fire.*
        account_id: "{{subject.3}}"
        inbound_template: 'send_drip {"n": 1}'
    tool_rate_limits:
      event:drip:
        send_drip: 10/min
`;
const POLLERS = `
pollers:
  default_jitter_ms: 0
  jobs:
    - id: every_second
      kind: agent_turn
      agent: bob
      tenant_id: acme
      schedule: { every_secs: 1 }
      config: { user_prompt: tick }
      misfire: all
`;

let place: DaemonPlace;
let daemon: RunningDaemon;
beforeAll(async () => {
  place = await openDaemonPlace();
  const app = join(place.home, "..", "drips");
  await mkdir(app);
  for (const file of ["drips.mjs", "wire.mjs"]) {
    await cp(join(import.meta.dirname, "../support/microapps", file), join(app, file));
  }
  await writeFile(
    join(app, "plugin.toml"),
    '[plugin]\nid = "drips"\nversion = "1.0.0"\n[plugin.entrypoint]\ncommand = "node"\nargs = ["drips.mjs"]\n' +
      '[capabilities]\ntools = ["fire", "send_drip"]\n[capabilities.broker]\npublish = ["marketing.drip.fire.*"]\n',
  );
  await place.writeConfig("agents.yaml", AGENTS);
  await place.writeConfig(
    "extensions.yaml",
    `extensions: { search_paths: [], entries: { drips: { path: ${app}, capabilities_grant: [events_publish] } } }\n`,
  );
  daemon = await place.start("core");
});
afterAll(() => place?.[Symbol.asyncDispose]());

/** What a query finds in the file of the daemon that runs. */
async function rows(sql: string): Promise<Record<string, unknown>[]> {
  const db = createClient({ url: `file:${join(place.home, "state", "core.db")}` });
  const { rows: found } = await db.execute(sql);
  db.close();
  return found.map((row) => ({ ...row }));
}

/** What acme's agent answers. */
async function say(text: string): Promise<string | null> {
  const { reply } = await daemon.call<{ reply: string | null }>("chat", { instance: "acme", text });
  return reply;
}

describe("a daemon", () => {
  it("caps the drips of each tenant by itself", async () => {
    await say('fire {"account":"acme","count":15}');
    await say('fire {"account":"globex","count":5}');
    await eventually(daemon, async () => {
      const done = await rows("SELECT 1 FROM turns WHERE agent_id = 'mara'");
      return done.length === 20 || undefined;
    });
    const calls = await rows(
      "SELECT account_id, outcome, at_ms FROM tool_calls WHERE tool LIKE '%send_drip' ORDER BY at_ms",
    );
    const ofAcme = calls.filter(({ account_id }) => account_id === "acme");
    const tookMs = Number(ofAcme.at(-1)?.["at_ms"]) - Number(ofAcme[0]?.["at_ms"]);
    const sent = ofAcme.filter(({ outcome }) => outcome === "ok").length;
    expect(ofAcme).toHaveLength(15);
    expect(sent).toBeGreaterThanOrEqual(10);
    expect(sent).toBeLessThanOrEqual(11 + Math.floor(tookMs / 6_000));
    const ofGlobex = calls.filter(({ account_id }) => account_id === "globex");
    expect(ofGlobex.map(({ outcome }) => outcome)).toEqual(["ok", "ok", "ok", "ok", "ok"]);
  });

  it("hands tasks on, finds what was said, and reminds", async () => {
    const handed = await say('delegate {"agent_id":"bob","task":"hello"}');
    expect(handed).toMatch(/delegate answered: You said: "hello"/);
    const found = await say('search_history {"query":"hello"}');
    expect(found).toMatch(/search_history answered: .*\[hello\]/);
    const set = await say('schedule {"action":"create","text":"Call Eve.","in_secs":1}');
    expect(set).toMatch(/schedule answered: .*next_at/);
    const turn = await eventually(
      daemon,
      async () =>
        (await tailTurns(daemon, { account: "acme" })).find(({ trigger }) => trigger === "timer"),
    );
    expect(turn).toMatchObject({ agent_id: "ana", binding_id: "webchat:acme", outcome: "ok" });
  });

  it("keeps each time once and none of them not, through kill -9", async () => {
    await place.writeConfig("pollers.yaml", POLLERS);
    const keeps = (count: number) =>
      eventually(
        daemon,
        async () => (await rows("SELECT 1 FROM schedule_slots")).length >= count || undefined,
      );
    await keeps(2);
    await daemon.kill();
    daemon = await place.start("core");
    await keeps(4);
    const listed = await place.nexo("schedules", "list", "--json");
    expect(JSON.parse(listed.stdout)).toMatchObject([
      { kind: "poller", name: "every_second", account_id: "acme", agent_id: "bob" },
    ]);
    expect(await place.nexo("schedules", "pause", "every_second")).toMatchObject({ code: 0 });
    await eventually(daemon, async () =>
      (await rows(
          "SELECT 1 FROM inbounds WHERE channel = 'timer' AND state IN ('queued', 'running')",
        ))
          .length === 0 || undefined);
    const slots = (await rows("SELECT slot_ms FROM schedule_slots ORDER BY slot_ms"))
      .map(({ slot_ms }) => Number(slot_ms));
    expect(slots).toEqual(slots.map((_, i) => (slots[0] ?? 0) + i * 1_000));
    const turns = await rows(
      "SELECT inbound_ids FROM turns WHERE binding_id = 'timer:every_second'",
    );
    expect(turns).toHaveLength(slots.length);
    expect(await rows("SELECT 1 FROM inbounds WHERE channel = 'timer'")).toHaveLength(slots.length);
  });
});
