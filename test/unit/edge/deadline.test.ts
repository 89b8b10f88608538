/**
 * Limits that share a timer: each ends at its own time, and none is left behind.
 *
 * @module
 */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createDeadlines, within } from "../../../edge/deadline.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("createDeadlines()", () => {
  it("ends each limit between its time and a sixteenth later, whenever it began", () => {
    const { start } = createDeadlines();
    const ended: Record<number, number> = {};
    for (let beganMs = 0; beganMs <= 3200; beganMs += 70) {
      const atMs = Date.now();
      start(1600).onExpire(() => ended[beganMs] = Date.now() - atMs);
      vi.advanceTimersByTime(70);
    }
    vi.advanceTimersByTime(2000);
    expect(Object.keys(ended)).toHaveLength(46);
    for (const tookMs of Object.values(ended)) {
      expect(tookMs).toBeGreaterThanOrEqual(1600);
      expect(tookMs).toBeLessThanOrEqual(1700);
    }
  });

  it("tells who asks after it has passed, and nobody who cleared it", () => {
    const { start } = createDeadlines();
    const [kept, cleared, heard] = [start(160), start(160), vi.fn()];
    cleared.onExpire(heard);
    cleared.clear();
    vi.advanceTimersByTime(200);
    expect(heard).not.toHaveBeenCalled();
    expect([kept.expired, cleared.expired]).toEqual([true, false]);
    kept.onExpire(heard);
    expect(heard).toHaveBeenCalledOnce();
    kept.clear();
  });

  it("shares a timer between limits of one length, and stops it when none runs any more", () => {
    const { start } = createDeadlines();
    const running = [start(160), start(160), start(4800)];
    expect(vi.getTimerCount()).toBe(2);
    for (const deadline of [...running, ...running]) deadline.clear();
    vi.advanceTimersByTime(10);
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(290);
    expect(vi.getTimerCount()).toBe(0);
    start(160).onExpire(undefined);
    vi.advanceTimersByTime(170);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("leaves no timer once closed, and lets those end that run", () => {
    const { start, close } = createDeadlines();
    const [first, second, heard] = [start(160), start(4800), vi.fn()];
    first.onExpire(heard);
    close();
    second.clear();
    expect(vi.getTimerCount()).toBe(1);
    vi.advanceTimersByTime(170);
    expect(heard).toHaveBeenCalledOnce();
    start(160).clear();
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("within()", () => {
  it("gives what the work gives, or nothing when the limit comes first", async () => {
    const deadline = createDeadlines().start(160);
    expect(await within(deadline, Promise.resolve(1))).toBe(1);
    const late = within(deadline, new Promise(() => undefined));
    vi.advanceTimersByTime(200);
    expect(await late).toBeUndefined();
    deadline.clear();
  });
});
