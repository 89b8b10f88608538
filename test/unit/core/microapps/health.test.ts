/**
 * Breakers and restart budgets: when a microapp is given rest.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { BREAKER_LIMITS, type CallEnd, createBreakers } from "../../../../core/flow/breaker.ts";
import { planRestart, RESTART_POLICY } from "../../../../core/microapps/restart_plan.ts";

describe("breakers", () => {
  function open() {
    let nowMs = 0;
    const breakers = createBreakers({ now: () => nowMs, limits: BREAKER_LIMITS });
    const call = (end: CallEnd, account = "acme") => {
      const leave = breakers.enter("shop", account);
      leave?.(end);
      return leave !== null;
    };
    return { breakers, call, wait: (ms: number) => void (nowMs += ms) };
  }

  it("open after five faults in a row, for this tenant only", () => {
    const { call } = open();
    for (let n = 0; n < 5; n++) expect(call("fault")).toBe(true);
    expect(call("ok")).toBe(false);
    expect(call("ok", "globex")).toBe(true);
  });

  it("start counting again after a success", () => {
    const { call } = open();
    for (let n = 0; n < 20; n++) expect(call(n % 4 === 0 ? "ok" : "fault")).toBe(true);
  });

  it("let one call try after a rest that doubles up to two minutes", () => {
    const { breakers, call, wait } = open();
    for (let n = 0; n < 5; n++) call("fault");
    for (const restMs of [10_000, 20_000, 40_000, 80_000, 120_000, 120_000]) {
      wait(restMs - 1);
      expect(call("ok")).toBe(false);
      wait(1);
      const probe = breakers.enter("shop", "acme");
      expect(call("ok")).toBe(false);
      probe?.("fault");
    }
    wait(120_000);
    expect(call("undecided")).toBe(true);
    expect(call("ok")).toBe(true);
    for (let n = 0; n < 4; n++) expect(call("fault")).toBe(true);
    expect(call("ok")).toBe(true);
  });

  it("are decided by the probe, not by calls that were still under way", () => {
    const { breakers, call, wait } = open();
    const early = [breakers.enter("shop", "acme"), breakers.enter("shop", "acme")];
    for (let n = 0; n < 5; n++) call("fault");
    early[0]?.("ok");
    expect(call("ok")).toBe(false);
    wait(10_000);
    const probe = breakers.enter("shop", "acme");
    early[1]?.("fault");
    probe?.("ok");
    expect(call("ok")).toBe(true);
  });

  it("are forgotten when the microapp is started afresh", () => {
    const { breakers, call } = open();
    for (let n = 0; n < 5; n++) call("fault");
    breakers.forget("shop");
    expect(call("ok")).toBe(true);
  });
});

describe("planRestart()", () => {
  it("doubles the pause up to 16 s, then rests until the oldest restart is 300 s old", () => {
    let [nowMs, history]: [number, readonly number[]] = [0, []];
    const plans = Array.from({ length: 6 }, () => {
      const plan = planRestart(history, nowMs, RESTART_POLICY);
      history = plan.history;
      nowMs += plan.pauseMs;
      return plan;
    });
    expect(plans.map(({ exhausted, pauseMs }) => [exhausted, pauseMs])).toEqual([
      [false, 1_000],
      [false, 2_000],
      [false, 4_000],
      [false, 8_000],
      [false, 16_000],
      [true, 1_000 + 300_000 - 31_000],
    ]);
    expect(planRestart(history, nowMs, RESTART_POLICY)).toMatchObject({
      exhausted: false,
      pauseMs: 2_000,
    });
  });

  it("forgets restarts that are older than the window", () => {
    expect(planRestart([0, 1, 2, 3, 4], 300_001, RESTART_POLICY)).toMatchObject({
      exhausted: false,
      pauseMs: 8_000,
    });
    expect(planRestart([0, 1, 2, 3, 4], 400_000, RESTART_POLICY).pauseMs).toBe(1_000);
  });
});
