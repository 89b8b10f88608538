import { describe, expect, it } from "vitest";
import { createLane } from "../../../../core/conversations/lane.ts";
import type { OpenInbound } from "../../../../core/queues/inbounds.ts";
import { openInboundOf } from "../../../support/rows.ts";

const ids = (items: readonly OpenInbound[]): string[] => items.map(({ id }) => id);

describe("createLane()", () => {
  it("A5: waits until nobody has typed for the debounce time, then takes all messages as one turn", () => {
    const lane = createLane(openInboundOf("0"));
    lane.push(openInboundOf("1"), 1000);
    lane.push(openInboundOf("2"), 1200);
    expect(lane.next(1400, 300)).toEqual({ kind: "wait", untilMs: 1500 });
    expect(lane.next(1500, 300)).toEqual({ kind: "ready", subscriber: undefined });
    expect(ids(lane.take())).toEqual(["1", "2"]);
    expect(lane.next(1500, 300)).toEqual({ kind: "empty" });
  });

  it("does not wait for ever for somebody who never stops typing", () => {
    const lane = createLane(openInboundOf("0"));
    for (let at = 0; at <= 1500; at += 100) lane.push(openInboundOf(`${at}`), at);
    expect(lane.next(1500, 300).kind).toBe("ready");
  });

  it("never merges events", () => {
    const lane = createLane(openInboundOf("0"));
    lane.push(openInboundOf("e1", { trigger: "event" }), 0);
    lane.push(openInboundOf("e2", { trigger: "event" }), 0);
    expect(lane.next(0, 300)).toEqual({ kind: "ready", subscriber: "acme" });
    expect(ids(lane.take())).toEqual(["e1"]);
    expect(ids(lane.take())).toEqual(["e2"]);
  });

  it("runs an interrupted turn again over exactly its messages", () => {
    const lane = createLane(openInboundOf("0"));
    lane.push(openInboundOf("1", { turn_id: "t" }), 0);
    lane.push(openInboundOf("2", { turn_id: "t" }), 0);
    lane.push(openInboundOf("3"), 0);
    expect(lane.next(0, 300).kind).toBe("ready");
    expect(ids(lane.take())).toEqual(["1", "2"]);
    expect(ids(lane.take())).toEqual(["3"]);
  });

  it("holds later messages back while a failed turn waits for its next try", () => {
    const lane = createLane(openInboundOf("0"));
    lane.push(openInboundOf("2"), 0);
    lane.putBack([openInboundOf("1", { turn_id: "t" })], 5000);
    expect(lane.next(4999, 300)).toEqual({ kind: "wait", untilMs: 5000 });
    expect(lane.next(5000, 300).kind).toBe("ready");
    expect(ids(lane.take())).toEqual(["1"]);
  });
});
