import { describe, expect, it } from "vitest";
import { CodedError, RpcFault } from "../../../../core/contract/mod.ts";
import type { AskPoller } from "../../../../core/schedules/polls.ts";
import { clockAt, openSchedulesPlace, type SchedulesPlace } from "../../../support/schedules.ts";

const AGENTS = `
agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
    outbound_allowlist: { webchat: [eve, ops] }
  - id: bob
    tenant_id: globex
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: globex }]
`;
const POLLERS = `
pollers:
  default_jitter_ms: 0
  breaker_threshold: 3
  jobs:
    - id: mail
      kind: mailbox
      agent: ana
      schedule: { every_secs: 60 }
      config: { folder: in }
      failure_to: { channel: webchat, to: ops }
`;

/** Answers questions one by one, and notes them. */
function answering(answers: unknown[]) {
  const asked: { cursor: string | null; account: string }[] = [];
  const ask: AskPoller = ({ cursor, account }) => {
    asked.push({ cursor, account });
    const answer = answers.shift() ?? {};
    return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
  };
  return { ask, asked };
}

async function open(ask: AskPoller, pollers = POLLERS): Promise<SchedulesPlace> {
  return openSchedulesPlace({
    files: { "agents.yaml": AGENTS, "pollers.yaml": pollers },
    clock: clockAt("2025-01-01T00:00:00Z"),
    ask,
  });
}

async function minute(place: SchedulesPlace): Promise<void> {
  place.clock.pass(60_000);
  await place.schedules.tick();
}

async function sentTexts({ store, spine }: SchedulesPlace): Promise<string[]> {
  const rows = await store.read<{ id: string; account_id: string }>(
    "SELECT id, account_id FROM outbox ORDER BY rowid",
  );
  const found = await Promise.all(
    rows.map(({ account_id, id }) => spine.outbox.find(account_id, id)),
  );
  return found.map((outbound) =>
    `${outbound?.channel}:${outbound?.instance}/${outbound?.contact} ${
      outbound?.body.kind === "text" ? outbound.body.text : ""
    }`
  );
}

const job = async (place: SchedulesPlace) => (await place.reads.list("acme"))[0];
const deliver = (...texts: string[]) =>
  texts.map((text) => ({ channel: "webchat", recipient: "eve", payload: { text } }));

describe("a job that looks outside", () => {
  it("puts what it found into the outbox and goes on from there", async () => {
    const { ask, asked } = answering([
      { items_seen: 3, items_dispatched: 2, deliver: deliver("one", "two"), next_cursor: "YQ==" },
      { deliver: [{ channel: "webchat", recipient: "eve", payload: { n: 1 } }], next_cursor: "Yg" },
    ]);
    await using place = await open(ask);
    await minute(place);
    await minute(place);
    await minute(place);
    expect(asked).toEqual([null, "YQ", "Yg"].map((cursor) => ({ cursor, account: "acme" })));
    expect(await sentTexts(place)).toEqual([
      "webchat:acme/eve one",
      "webchat:acme/eve two",
      'webchat:acme/eve {"n":1}',
    ]);
    expect(place.delivered).toHaveLength(3);
    expect(await job(place)).toMatchObject({ lastStatus: "ok", itemsSeen: 3, itemsDispatched: 2 });
    expect(await place.store.read("SELECT cursor FROM schedules WHERE cursor LIKE '%Yg%'")).toEqual(
      [],
    );
    const said = await place.store.read("SELECT body FROM transcripts ORDER BY id");
    expect(said.map(({ body }) => body)).toEqual(["one", "two", '{"n":1}']);
  });

  it("D1: leaves the cursor where it is when a delivery cannot be kept, and sends none of them", async () => {
    const { ask, asked } = answering([
      {
        deliver: [...deliver("fine"), { channel: "webchat", recipient: "mallory", payload: "x" }],
        next_cursor: "YQ",
      },
      { deliver: [{ channel: "telegram", recipient: "eve", payload: "x" }], next_cursor: "YQ" },
      { deliver: "wrong", next_cursor: "YQ" },
    ]);
    await using place = await open(ask);
    for (let i = 0; i < 3; i++) await minute(place);
    expect(asked.map(({ cursor }) => cursor)).toEqual([null, null, null]);
    expect((await sentTexts(place)).filter((text) => text.includes("fine"))).toEqual([]);
    expect(await job(place)).toMatchObject({
      lastStatus: "error",
      consecutiveErrors: 3,
      lastError: expect.stringMatching(/poll_tick answered: deliver/),
    });
  });

  it("rests for longer when it keeps failing, and says so once to whom it may concern", async () => {
    const { ask, asked } = answering(
      Array.from({ length: 60 }, () => new CodedError("microapp_timeout", "Cannot call: too slow")),
    );
    await using place = await open(ask);
    for (let i = 0; i < 30; i++) await minute(place);
    expect(asked.length).toBeLessThan(12);
    expect(await sentTexts(place)).toEqual([
      'webchat:acme/ops Job "mail" keeps failing: Cannot call: too slow',
    ]);
  });

  it.each([
    ["permanent", -32002],
    ["bad config", -32602],
  ])("stops after a %s failure until somebody lets it go on", async (_what, code) => {
    const { ask, asked } = answering([new RpcFault(code, "no such folder")]);
    await using place = await open(ask);
    for (let i = 0; i < 5; i++) await minute(place);
    expect(asked).toHaveLength(1);
    expect(await job(place)).toMatchObject({
      state: "errored",
      wakeAtMs: null,
      lastError: `${code}: no such folder`,
    });
  });

  it("looks again after a death in the middle, and sends once what it then finds", async () => {
    let dies = true;
    const asked: (string | null)[] = [];
    let tell = (): void => undefined;
    const begun = new Promise<void>((resolve) => tell = resolve);
    const ask: AskPoller = ({ cursor, signal }) => {
      asked.push(cursor);
      tell();
      if (!dies) return Promise.resolve({ deliver: deliver("once"), next_cursor: "YQ" });
      return new Promise((_resolve, reject) =>
        signal.addEventListener("abort", () => reject(signal.reason as Error))
      );
    };
    const first = await open(ask);
    first.clock.pass(60_000);
    void first.schedules.tick();
    await begun;
    dies = false;
    await using place = await first.restart();
    await place.schedules.tick();
    await place.schedules.tick();
    expect(asked).toEqual([null, null]);
    expect(await sentTexts(place)).toEqual(["webchat:acme/eve once"]);
  });

  it("is not asked twice at once, holds up nobody else, and counts when paused meanwhile", async () => {
    let answer: (found: unknown) => void = () => {};
    const asked: string[] = [];
    const ask: AskPoller = ({ job: { id } }) => {
      asked.push(id);
      return id === "mail" ? new Promise((resolve) => answer = resolve) : Promise.resolve({});
    };
    const pollers = POLLERS +
      "    - { id: other, kind: mailbox, agent: bob, schedule: { every_secs: 60 } }\n" +
      "    - { id: same, kind: mailbox, agent: ana, schedule: { every_secs: 60 } }\n" +
      "    - { id: turn, kind: agent_turn, agent: ana, schedule: { every_secs: 60 }, config: { user_prompt: Go. } }\n";
    await using place = await open(ask, pollers);
    const ticks: Promise<void>[] = [];
    for (let i = 0; i < 2; i++) {
      place.clock.pass(60_000);
      ticks.push(place.schedules.tick());
      while (asked.filter((id) => id !== "mail").length < 2 * (i + 1)) {
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
    }
    expect(asked.toSorted()).toEqual(["mail", "other", "other", "same", "same"]);
    expect((await place.fired()).length).toBeGreaterThan(0);
    await place.store.commit([{
      type: "statement",
      sql: "UPDATE schedules SET state = 'paused', wake_at_ms = NULL WHERE name = 'mail'",
      args: [],
    }]);
    answer({ deliver: deliver("late"), next_cursor: "YQ" });
    await Promise.all(ticks);
    expect(await sentTexts(place)).toEqual(["webchat:acme/eve late"]);
    const mail = (await place.reads.list("acme")).find(({ name }) => name === "mail");
    expect(mail).toMatchObject({ state: "paused", wakeAtMs: null, lastStatus: "ok" });
  });
});
