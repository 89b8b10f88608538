/**
 * What becomes of providers' bodies: events, their kinds and keys, and the answers they get.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { post, startWith } from "./provider_support.ts";

describe("several events in one body", () => {
  it("become one each, with ids of their own, for LINE", async () => {
    await using fixture = await startWith("line");
    const event = (type: string, id: string) => ({ type, webhookEventId: id });
    const events = [event("follow", "01A"), event("message", "01B")];
    const answer = await post(fixture, "line", { destination: "U1", events });
    expect(answer.status).toBe(200);
    expect(fixture.handoffs.map((it) => [it.envelope.event_kind, it.dedupe_key])).toEqual([
      ["follow", "id:01A"],
      ["message", "id:01B"],
    ]);
    expect(fixture.handoffs[1]?.body.json?.value).toEqual({
      destination: "U1",
      events: [events[1]],
    });
    expect(new Set(fixture.handoffs.map(({ envelope }) => envelope.envelope_id)).size).toBe(2);
  });

  it("are none when LINE tries the address, and that is fine", async () => {
    await using fixture = await startWith("line");
    expect((await post(fixture, "line", { destination: "U1", events: [] })).status).toBe(200);
    expect(fixture.handoffs).toEqual([]);
  });

  it("become one for each change, told apart by message and status, for Meta", async () => {
    await using fixture = await startWith("meta");
    const change = (value: unknown) => ({ field: "messages", value });
    const body = {
      object: "whatsapp_business_account",
      entry: [
        { id: "1", changes: [change({ messages: [{ id: "wamid.A" }] })] },
        {
          id: "2",
          changes: [
            change({ statuses: [{ id: "wamid.B", status: "sent" }] }),
            change({ statuses: [{ id: "wamid.B", status: "read" }] }),
          ],
        },
      ],
    };
    expect((await post(fixture, "meta", body)).status).toBe(200);
    expect(fixture.handoffs.map((it) => it.dedupe_key)).toEqual([
      "id:wamid.A",
      "id:wamid.B sent",
      "id:wamid.B read",
    ]);
    expect(fixture.handoffs.map((it) => it.envelope.event_kind)).toEqual(Array(3).fill("messages"));
    expect((await post(fixture, "meta", body)).status).toBe(200);
    expect(fixture.handoffs).toHaveLength(3);
  });

  it("are told apart by their own bytes when they have no ids", async () => {
    await using fixture = await startWith("meta");
    const body = { object: "page", entry: [{ id: "1", time: 1 }, { id: "1", time: 2 }] };
    await post(fixture, "meta", body);
    expect(new Set(fixture.handoffs.map((it) => it.dedupe_key)).size).toBe(2);
    expect(fixture.handoffs.map((it) => it.envelope.event_kind)).toEqual(["page", "page"]);
  });
});

describe("the answers of presets", () => {
  const FORM = { "content-type": "application/x-www-form-urlencoded" };
  it.each([
    [
      "twilio, form",
      "MessageSid=SM1&SmsStatus=received&Body=hi",
      FORM,
      "received",
      "id:SM1 received",
    ],
    ["telegram", { update_id: 10000, message: { text: "hi" } }, {}, "message", "id:10000"],
    ["gitlab", { object_kind: "push" }, { "idempotency-key": "k" }, "push", "id:k"],
    ["stripe", { id: "evt_1", type: "invoice.paid" }, {}, "invoice.paid", "id:evt_1"],
    [
      "shopify",
      { id: 1 },
      { "x-shopify-topic": "orders/create", "x-shopify-webhook-id": "w" },
      "orders/create",
      "id:w",
    ],
    ["standard_webhooks", { type: "user.created" }, {}, "user.created", "id:id-1"],
  ])("%s: kind, dedupe key and 2xx", async (name, body, headers, kind, key) => {
    await using fixture = await startWith(name);
    const answer = await post(fixture, name, body, headers);
    expect([200, 204]).toContain(answer.status);
    if (name === "twilio, form") {
      expect(answer.body).toContain("<Response/>");
      expect(answer.headers["content-type"]).toBe("text/xml");
    }
    expect(fixture.handoffs[0]).toMatchObject({
      envelope: { event_kind: kind },
      dedupe_key: key,
    });
  });

  it("refuses Linear's event once a minute has passed, by the time in its body", async () => {
    await using fixture = await startWith("linear");
    const { nowMs } = fixture.clock;
    const at = (webhookTimestamp: unknown) =>
      post(fixture, "linear", { webhookTimestamp }, { "linear-event": "Issue" });
    expect((await at(nowMs - 60_000)).status).toBe(200);
    expect((await at(nowMs - 60_001)).status).toBe(401);
    expect((await at(nowMs + 60_001)).status).toBe(401);
    expect((await at("soon")).status).toBe(401);
    expect((await at(null)).status).toBe(401);
  });
});
