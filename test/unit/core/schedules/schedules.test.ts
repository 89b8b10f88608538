import { describe, expect, it, vi } from "vitest";
import { clockAt, openSchedulesPlace } from "../../../support/schedules.ts";

const agents = (more = "") => `
agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
${more}
  - id: bob
    tenant_id: globex
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: globex }]
`;
const jobs = (...lines: string[]) =>
  `pollers:\n  default_jitter_ms: 0\n  jobs:\n${lines.map((line) => `    - ${line}\n`).join("")}`;
const daily = (more = "") =>
  `{ id: daily, kind: agent_turn, agent: ana, schedule: { cron: "0 8 * * *", tz: Europe/Berlin }, config: { user_prompt: Sum up. }${more} }`;

async function open(at: string, files: Record<string, string>) {
  const clock = clockAt(at);
  return openSchedulesPlace({ files: { "agents.yaml": agents(), ...files }, clock });
}

describe("the schedules of the config", () => {
  it("become messages at their times, also over the change of clocks", async () => {
    await using place = await open("2025-03-28T12:00:00Z", { "pollers.yaml": jobs(daily()) });
    for (let hour = 0; hour < 72; hour++) {
      place.clock.pass(3_600_000);
      await place.schedules.tick();
      await place.answer();
    }
    expect(await place.fired()).toEqual([
      { at: "2025-03-29T07:00:00.000Z", text: "Sum up.", account: "acme", agent: "ana" },
      { at: "2025-03-30T06:00:00.000Z", text: "Sum up.", account: "acme", agent: "ana" },
      { at: "2025-03-31T06:00:00.000Z", text: "Sum up.", account: "acme", agent: "ana" },
    ]);
  });

  it("make up for a time of being down as each one's policy says", async () => {
    const job = (id: string, more: string) =>
      daily(more).replace("id: daily", `id: ${id}`).replace("Sum up.", `${id}.`);
    const down = await open("2025-01-01T12:00:00Z", {
      "pollers.yaml": jobs(
        job("once", ""),
        job("late", ", max_delay_secs: 60"),
        job("every", ", misfire: all, max_delay_secs: 172800"),
        job("skip", ", misfire: skip"),
      ),
    });
    down.clock.set("2025-01-03T07:30:00Z");
    await using place = await down.restart();
    await place.schedules.tick();
    const byTime = (texts: readonly { at: string; text: string }[]) =>
      texts.map(({ at, text }) => `${at.slice(0, 10)} ${text}`).sort();
    expect(byTime(await place.fired())).toEqual([
      "2025-01-02 every.",
      "2025-01-03 every.",
      "2025-01-03 once.",
    ]);
    expect((await place.events("schedule_missed")).map((event) => String(event["name"])).sort())
      .toEqual([
        "late",
        "once",
        "skip",
      ]);
    await place.answer();
    place.clock.set("2025-01-04T07:00:10Z");
    await place.schedules.tick();
    expect(byTime(await place.fired()).slice(-4)).toEqual([
      "2025-01-04 every.",
      "2025-01-04 late.",
      "2025-01-04 once.",
      "2025-01-04 skip.",
    ]);
  });

  it("keep no time twice when the process dies right after it, and lose none before", async () => {
    const first = await open("2025-01-01T06:59:00Z", { "pollers.yaml": jobs(daily()) });
    first.clock.set("2025-01-01T07:00:01Z");
    await first.schedules.tick();
    await using last = await first.restart();
    await last.schedules.tick();
    expect(await last.fired()).toHaveLength(1);
    expect(await last.store.read("SELECT slot_ms FROM schedule_slots")).toEqual([
      { slot_ms: Date.parse("2025-01-01T07:00:00Z") },
    ]);
  });

  it("keep no time twice when the clock is set back, and are not silent afterwards", async () => {
    await using place = await open("2025-01-01T06:00:00Z", {
      "agents.yaml": agents("    heartbeat: { enabled: true, interval: 10m }"),
      "pollers.yaml": jobs(daily()),
    });
    place.clock.set("2025-01-01T07:00:01Z");
    await place.schedules.tick();
    place.clock.set("2025-01-01T05:00:00Z");
    await place.answer();
    for (let minute = 0; minute < 150; minute++) {
      place.clock.pass(60_000);
      await place.schedules.tick();
    }
    const fired = await place.fired();
    expect(fired.filter(({ text }) => text === "Sum up.")).toHaveLength(1);
    expect(fired.filter(({ text, at }) => text.startsWith("<heartbeat") && at < "2025-01-01T05:30"))
      .toHaveLength(1);
  });

  it("put no second message behind one that is not answered yet", async () => {
    await using place = await open("2025-01-01T06:00:00Z", {
      "agents.yaml": agents("    heartbeat: { enabled: true, interval: 5m }"),
    });
    for (let minute = 0; minute < 30; minute++) {
      place.clock.pass(60_000);
      await place.schedules.tick();
    }
    expect(await place.fired()).toEqual([{
      at: "2025-01-01T06:05:00.000Z",
      text: '<heartbeat at="2025-01-01T06:05:00.000Z"/>',
      account: "acme",
      agent: "ana",
    }]);
    expect((await place.events("schedule_missed"))[0]).toMatchObject({
      agent_id: "ana",
      name: "heartbeat",
      kept: 0,
    });
  });

  it("follow the config: new, changed, gone and paused at the start", async () => {
    await using place = await open("2025-01-01T06:00:00Z", {
      "pollers.yaml": jobs(daily(", paused_on_boot: true")),
    });
    const [paused] = await place.reads.list("acme");
    expect(paused).toMatchObject({ name: "daily", state: "paused", wakeAtMs: null });
    await place.change({
      "agents.yaml": agents(),
      "pollers.yaml": jobs(
        daily(),
        "{ id: soon, kind: agent_turn, agent: bob, schedule: { every_secs: 60 }, config: { user_prompt: Go. } }",
      ),
    });
    place.clock.pass(60_000);
    await place.schedules.tick();
    expect(await place.fired()).toMatchObject([{ text: "Go.", account: "globex", agent: "bob" }]);
    await place.change({ "agents.yaml": agents() });
    expect(await place.reads.listForOperator()).toEqual([]);
  });

  it("wait for a tenant that is suspended, and make up for it by their policy", async () => {
    const file = { "pollers.yaml": jobs(daily()), "agents.yaml": agents() };
    const off = "tenants: { acme: { active: false }, globex: {} }";
    await using place = await open("2025-01-01T06:00:00Z", { ...file, "tenants.yaml": off });
    place.clock.set("2025-01-01T07:00:01Z");
    await place.schedules.tick();
    expect(await place.fired()).toEqual([]);
    place.clock.pass(60_000);
    await place.change(file);
    await place.schedules.tick();
    expect(await place.fired()).toHaveLength(1);
  });

  it("wait while too many messages wait already", async () => {
    await using place = await open("2025-01-01T06:00:00Z", { "pollers.yaml": jobs(daily()) });
    place.clock.set("2025-01-01T07:00:01Z");
    place.accepts = false;
    await place.schedules.tick();
    expect(await place.fired()).toEqual([]);
    place.accepts = true;
    await place.schedules.tick();
    expect(await place.fired()).toHaveLength(1);
  });

  const often =
    "{ id: often, kind: agent_turn, agent: ana, schedule: { every_secs: 1 }, misfire: all, config: { user_prompt: Look. } }";
  it("come again by themselves, also seconds after the last time", async () => {
    await using place = await openSchedulesPlace({
      files: { "agents.yaml": agents(), "pollers.yaml": jobs(often) },
      clock: { now: Date.now, set: () => {}, pass: () => {} },
    });
    // A runner that loses track of the next time looks again only after half a minute.
    await vi.waitFor(async () => expect((await place.fired()).length).toBeGreaterThan(2), {
      timeout: 20_000,
    });
  }, 25_000);

  it("come again also when the next is due before the last is kept", async () => {
    let nowMs = Date.parse("2025-01-01T06:00:00Z");
    await using place = await openSchedulesPlace({
      files: { "agents.yaml": agents(), "pollers.yaml": jobs(often) },
      clock: { now: () => nowMs += 700, set: () => {}, pass: () => {} },
    });
    await vi.waitFor(async () => expect((await place.fired()).length).toBeGreaterThan(50), {
      timeout: 20_000,
    });
  }, 25_000);
});
