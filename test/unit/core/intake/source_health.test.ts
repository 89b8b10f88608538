/**
 * When a source counts as rejecting or silent, and how often that is said.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import {
  AgentEvent,
  type ResolvedSource,
  resolveSource,
  WebhookSource,
} from "../../../../core/contract/mod.ts";
import { createSourceHealth } from "../../../../core/intake/source_health.ts";

const MINUTE = 60_000;
const DAY = 24 * 60 * MINUTE;

function fixture(more: Record<string, unknown> = {}) {
  const raw = { id: "gh", path: "/gh", preset: "github", secret_env: "S", ...more };
  const sources = new Map<string, ResolvedSource>([[
    "gh",
    resolveSource(WebhookSource.parse(raw)),
  ]]);
  const events: { account: string | null; event: AgentEvent }[] = [];
  const clock = { nowMs: 10 * DAY };
  const health = createSourceHealth({
    sources: () => sources,
    record: (account, event) => void events.push({ account, event: AgentEvent.parse(event) }),
    now: () => clock.nowMs,
  });
  return {
    sources,
    clock,
    health,
    events,
    states: () => events.flatMap(({ event }) => event.kind === "source_health" ? event.state : []),
    counts: () =>
      events.flatMap(({ event }) => event.kind === "webhook_rejected" ? event.count : []),
    accept: () => health.accepted("gh", clock.nowMs),
    reject: (count: number, id = "gh") =>
      health.rejected({
        at_ms: clock.nowMs,
        sources: [{
          source_id: id,
          reasons: { signature_mismatch: count },
          last_request_id: "r-1",
        }],
      }),
    state: () => health.list()[0]?.state,
  };
}

describe("a source that refuses", () => {
  it("is rejecting from the third refusal in a row, and well with the next event", () => {
    const it = fixture({ account_id: "acme" });
    it.reject(2);
    expect(it.state()).toBe("ok");
    it.accept();
    it.reject(2);
    expect(it.state()).toBe("ok");
    it.reject(1);
    expect(it.state()).toBe("rejecting");
    it.accept();
    expect(it.state()).toBe("ok");
    expect(it.states()).toEqual(["rejecting", "ok"]);
    expect(new Set(it.events.map(({ account }) => account))).toEqual(new Set(["acme"]));
    expect(it.health.list()[0]).toMatchObject({
      accepted: 2,
      rejected: 5,
      last_reason: "signature_mismatch",
    });
  });

  it("is counted at once, then once a minute, without losing one", () => {
    const it = fixture();
    for (let second = 0; second < 300; second++) {
      it.reject(7);
      it.clock.nowMs += 1000;
      if (second % 60 === 59) it.health.tick();
    }
    it.clock.nowMs += MINUTE;
    it.health.tick();
    expect(it.counts().length).toBeLessThanOrEqual(7);
    expect(it.counts().reduce((sum, one) => sum + one, 0)).toBe(300 * 7);
    expect(it.states()).toEqual(["rejecting"]);
  });

  it("makes no storm of events when good and bad take turns", () => {
    const it = fixture();
    for (let second = 0; second < 600; second++) {
      it.reject(3);
      it.accept();
      it.clock.nowMs += 1000;
    }
    expect(it.events.length).toBeLessThanOrEqual(3 * 10);
  });

  it("is nobody's business when there is no such source", () => {
    const it = fixture();
    it.reject(9, "other");
    it.health.accepted("other", it.clock.nowMs);
    expect([it.events, it.health.list().length]).toEqual([[], 1]);
  });
});

describe("a source that goes silent", () => {
  it("is told so after the time it was given, once, and well with the next event", () => {
    const it = fixture({ silent_after_secs: 600 });
    it.accept();
    it.clock.nowMs += 10 * MINUTE;
    it.health.tick();
    expect(it.state()).toBe("ok");
    it.clock.nowMs += 1;
    it.health.tick();
    it.clock.nowMs += DAY;
    it.health.tick();
    expect(it.state()).toBe("silent");
    it.accept();
    expect(it.states()).toEqual(["silent", "ok"]);
  });

  it("is silent without a first event, too, when a time was given; never when it is off", () => {
    const it = fixture({ silent_after_secs: 60 });
    const off = fixture({ silent_after_secs: 60, enabled: false });
    for (const one of [it, off]) {
      one.health.tick();
      one.clock.nowMs += 2 * MINUTE;
      one.health.tick();
    }
    expect([it.state(), off.state()]).toEqual(["silent", "ok"]);
  });

  it("is learnt from ten deliveries on: four times the longest gap, and never under a day", () => {
    const it = fixture();
    for (let i = 0; i < 9; i++) {
      it.accept();
      it.clock.nowMs += 9 * 60 * MINUTE;
    }
    it.clock.nowMs += 30 * DAY;
    it.health.tick();
    expect(it.state()).toBe("ok");

    const regular = fixture();
    for (let i = 0; i < 100; i++) {
      regular.clock.nowMs += 9 * 60 * MINUTE;
      regular.accept();
    }
    regular.clock.nowMs += 36 * 60 * MINUTE;
    regular.health.tick();
    expect(regular.state()).toBe("ok");
    regular.clock.nowMs += 1;
    regular.health.tick();
    expect(regular.state()).toBe("silent");

    const busy = fixture();
    for (let i = 0; i < 1000; i++) busy.accept();
    busy.clock.nowMs += DAY;
    busy.health.tick();
    expect(busy.state()).toBe("ok");
    busy.clock.nowMs += 1;
    busy.health.tick();
    expect(busy.state()).toBe("silent");
  });

  it("is forgotten with its source", () => {
    const it = fixture({ silent_after_secs: 60 });
    it.reject(3);
    it.sources.clear();
    it.health.tick();
    expect(it.health.list()).toEqual([]);
  });
});
