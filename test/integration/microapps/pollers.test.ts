import { expect, it } from "vitest";
import { askerOf } from "../../../core/daemon/schedules.ts";
import { callTool, childCandidate, openTestHost } from "../../support/microapps/host.ts";
import { clockAt, openSchedulesPlace } from "../../support/schedules.ts";

const AGENTS = `
agents:
  - id: ana
    tenant_id: acme
    model: { provider: offline, model: rules }
    inbound_bindings: [{ plugin: webchat, instance: acme }]
`;
const job = (id: string, kind: string, config: string) =>
  `    - { id: ${id}, kind: ${kind}, agent: ana, schedule: { every_secs: 60 }, config: ${config} }\n`;

it("runs the jobs of a microapp: its cursor, its deliveries, its failures, its tools", async () => {
  await using children = await openTestHost([
    childCandidate("counting", "poller.mjs", {
      extra: '[capabilities]\npollers = ["counter", "broken"]\n',
    }),
    childCandidate("other", "good.mjs"),
  ]);
  const { host } = children;
  await host.settled();
  await using place = await openSchedulesPlace({
    files: {
      "agents.yaml": AGENTS,
      "pollers.yaml": "pollers:\n  default_jitter_ms: 0\n  jobs:\n" +
        job("count", "counter", "{ to: eve }") + job("wrong", "counter", "{ fails: -32002 }") +
        job("nobodys", "gmail", "{}"),
    },
    clock: clockAt("2025-01-01T00:00:00Z"),
    ask: askerOf(host),
  });
  for (let i = 0; i < 2; i++) {
    place.clock.pass(60_000);
    await place.schedules.tick();
  }

  const sent = await Promise.all(
    place.delivered.map(({ account_id, id }) => place.spine.outbox.find(account_id, id)),
  );
  expect(sent.map((outbound) => [outbound?.contact, outbound?.body])).toMatchObject([
    ["eve", { text: "acme: 1" }],
    ["eve", { text: "acme: 2" }],
  ]);
  const states = new Map((await place.reads.list("acme")).map((each) => [each.name, each]));
  expect(states.get("count")).toMatchObject({ lastStatus: "ok", itemsSeen: 2 });
  expect(states.get("wrong")).toMatchObject({ state: "errored", lastError: "-32002: as asked" });
  expect(states.get("nobodys")).toMatchObject({
    state: "active",
    lastError: expect.stringMatching(/no microapp brings jobs of kind "gmail"/),
  });

  expect(host.tools().map(({ name }) => name)).toContain("counter_peek");
  expect(children.logs).toContainEqual(expect.objectContaining({
    id: "counting",
    event: "microapp.handshake_warning",
  }));
  const answer = await callTool(children, "counting", "counter_peek", { by: 3, _meta: { x: 1 } });
  expect(JSON.parse(answer.text)).toEqual({ ahead: 3, kind: "counter", name: "counter_peek" });
});
