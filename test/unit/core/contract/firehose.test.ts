import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BackfillHead,
  decodeEventBatch,
  encodeEventBatch,
  eventLines,
  eventScopeOf,
  formatCursor,
  LiveHead,
  matchesFilter,
  parseCursor,
  type WireEvent,
} from "../../../../core/contract/mod.ts";

describe("cursors", () => {
  it("read back as what they were made of", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[a-z0-9]{1,32}$/), fc.maxSafeNat(), (epoch, offset) => {
        expect(parseCursor(formatCursor(epoch, offset))).toEqual({ epoch, offset });
      }),
    );
  });

  it("are nothing else", () => {
    const texts = ["", ".", "e", "e.", ".1", "e.01", "e.-1", "e.1.1", "E.1", "e.9999999999999999"];
    for (const text of texts) expect(parseCursor(text)).toBeUndefined();
  });
});

const wireEvent: fc.Arbitrary<WireEvent> = fc.record({
  id: fc.maxSafeNat(),
  account: fc.constantFrom("acme", "_"),
  offset: fc.maxSafeNat(),
  agentId: fc.option(fc.string()),
  kind: fc.string(),
  body: fc.option(fc.jsonValue().map((value) => JSON.stringify(value))),
});

describe("batches of events", () => {
  it("carry heads, members and bodies to the letter", () => {
    fc.assert(
      fc.property(fc.array(wireEvent), (events) => {
        const head = { epoch: "e", prev: 1, last: 2 };
        const data = encodeEventBatch(head, events.map(eventLines));
        expect(decodeEventBatch(LiveHead, data)).toEqual({ head, events });
      }),
    );
  });

  it("refuse bytes that are none, and heads of another kind", () => {
    fc.assert(
      fc.property(fc.uint8Array(), (data) => {
        expect(() => decodeEventBatch(LiveHead, data)).toThrow("Cannot read events");
      }),
    );
    const live = encodeEventBatch({ epoch: "e", prev: 1, last: 2 }, []);
    expect(() => decodeEventBatch(BackfillHead, live)).toThrow("Cannot read events");
  });
});

describe("matchesFilter", () => {
  const event = {
    account: "acme",
    agentId: "ana",
    kind: "tool_called",
    body: JSON.stringify({ note: '"session_id":"b"', inner: { session_id: "c" }, session_id: "a" }),
  };

  it("wants what fits every field by any of its values", () => {
    expect(matchesFilter({}, event)).toBe(true);
    expect(matchesFilter({ agent_id: ["bob", "ana"], kind: ["tool_called"] }, event)).toBe(true);
    expect(matchesFilter({ agent_id: ["bob"], kind: ["tool_called"] }, event)).toBe(false);
    expect(matchesFilter({ account_id: ["globex"] }, event)).toBe(false);
    expect(matchesFilter({ agent_id: ["ana"] }, { ...event, agentId: null })).toBe(false);
  });

  it("takes the conversation from the event itself, not from text inside it", () => {
    const fits = (id: string) => matchesFilter({ conversation: [id] }, event);
    expect([fits("a"), fits("b"), fits("c")]).toEqual([true, false, false]);
    expect(matchesFilter({ conversation: ["a"] }, { ...event, body: "{}" })).toBe(false);
  });
});

describe("eventScopeOf", () => {
  it("pins a token to its tenant, whatever else it is for", () => {
    expect(eventScopeOf({ scope: ["operator"], account_id: "acme" })).toEqual({ account: "acme" });
    expect(eventScopeOf({ scope: ["firehose"], account_id: "acme" })).toEqual({ account: "acme" });
    expect(eventScopeOf({ scope: ["operator"] })).toBe("operator");
    expect(eventScopeOf({ scope: ["firehose"] })).toBe("operator");
  });

  it("opens nothing for other tokens, nor for a tenant's without a tenant", () => {
    expect(() => eventScopeOf({ scope: ["edge"], account_id: "acme" })).toThrow('is for "edge"');
    expect(() => eventScopeOf({ scope: ["tenant"] })).toThrow("names no tenant");
  });
});
