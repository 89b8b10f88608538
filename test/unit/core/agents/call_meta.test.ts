import fc from "fast-check";
import { expect, it } from "vitest";
import { callMeta } from "../../../../core/agents/call_meta.ts";
import { bodyOfJson, type Handoff } from "../../../../core/contract/mod.ts";
import { routeEvent } from "../../../../core/intake/route.ts";
import { timerInbound, timerKey } from "../../../../core/schedules/messages.ts";
import { settingsOf } from "../../../support/settings.ts";
import { uuid } from "../../../support/spine.ts";

const AGENTS = `
agents:
  - id: ana
    model: { provider: offline, model: rules }
    event_subscribers: [{ id: orders, subject_pattern: "shop.>", account_id: "{{subject.1}}" }]
`;

function handoffAt(receivedAtMs: number): Handoff {
  return {
    envelope: {
      schema: 1,
      source_id: "microapp:shop",
      event_kind: "shop.acme",
      headers_subset: {},
      received_at_ms: receivedAtMs,
      envelope_id: uuid(),
      client_ip: null,
    },
    body: bodyOfJson({}),
    subject: "shop.acme",
    dedupe_key: "k",
    dedupe_window_ms: 1,
    account_id: null,
    delivery_id: null,
    hops: 0,
  };
}

it("E5: tells of an event and of a schedule the very time they are of, in one unit", async () => {
  const settings = await settingsOf({ "agents.yaml": AGENTS });
  const sent = fc.integer({ min: 0, max: Date.parse("2100-01-01T00:00:00Z") });
  fc.assert(fc.property(sent, (atMs) => {
    const route = routeEvent(handoffAt(atMs), settings, { uuid });
    if (route.kind !== "inbounds") throw new Error(route.kind);
    const said = { key: timerKey("acme", "ana", "daily"), text: "Go." };
    for (const inbound of [...route.inbounds, timerInbound(uuid(), said, atMs)]) {
      const heard = callMeta(uuid(), [inbound]).nexo?.inbound?.inbound_ts ?? "";
      expect(Date.parse(heard)).toBe(atMs);
    }
    expect(route.inbounds).toHaveLength(1);
  }));
});

it("tells what the sender calls themselves, where the channel said it", () => {
  const inbound = timerInbound(uuid(), { key: timerKey("acme", "ana", "x"), text: "Go." }, 1);
  expect(callMeta(uuid(), [inbound]).nexo?.inbound).not.toHaveProperty("sender_name");
  expect(callMeta(uuid(), [{ ...inbound, sender_name: "Bob" }]).nexo?.inbound)
    .toMatchObject({ sender_name: "Bob" });
});
