import { setMaxListeners } from "node:events";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  createPlaces,
  type Place,
  type PlaceLimits,
} from "../../../../core/conversations/places.ts";

/** Places, turns that begin in them under the names they were queued with, and a clock. */
function open(limits: Partial<PlaceLimits> = {}) {
  let nowMs = 0;
  const places = createPlaces({
    workingTurns: () => 1,
    workingTurnsBesideOthers: () => 100,
    weightOf: () => 1,
    now: () => nowMs,
    ...limits,
  });
  const stop = new AbortController();
  setMaxListeners(0, stop.signal);
  const begun = new Map<string, Place>();
  return {
    places,
    begun,
    stop,
    queue: (account: string, name: string): void =>
      places.whenFree(account, (take) => begun.set(name, take({ signal: stop.signal }))),
    place(name: string): Place {
      const place = begun.get(name);
      if (place === undefined) throw new Error(`"${name}" has not begun`);
      return place;
    },
    names: () => [...begun.keys()],
    pass: (ms: number) => void (nowMs += ms),
  };
}

/** A wait that ends when the test says so. */
function openWait() {
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => end = resolve);
  return { wait: () => ended, end };
}

async function settled(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
}

describe("createPlaces()", () => {
  it("lets hundreds wait for somebody else, and few work", async () => {
    const play = open({ workingTurns: () => 2 });
    const { wait, end } = openWait();
    for (let i = 0; i < 300; i++) play.queue("acme", `${i}`);
    let back = 0;
    for (let i = 0; i < 300; i++) {
      expect(play.begun.size).toBe(Math.min(300, i + 2));
      void play.place(`${i}`).away(wait).then(() => back++);
    }
    end();
    await settled();
    expect(back).toBe(2);
    for (let i = 0; i < 298; i++) {
      play.place(`${i}`)[Symbol.dispose]();
      await settled();
      expect(back).toBe(i + 3);
    }
  });

  it("lets a quiet tenant go on after one turn of another, whose turns came back first", async () => {
    const play = open();
    const order: string[] = [];
    const { wait, end } = openWait();
    const goAway = (name: string): void =>
      void play.place(name).away(wait).then(() => order.push(name));
    for (let i = 0; i < 10; i++) {
      play.queue("busy", `busy-${i}`);
      goAway(`busy-${i}`);
    }
    play.queue("quiet", "quiet");
    goAway("quiet");
    end();
    for (let i = 0; i < 11; i++) {
      await settled();
      expect(order).toHaveLength(i + 1);
      play.place(order[i] ?? "")[Symbol.dispose]();
    }
    expect(order.indexOf("quiet")).toBeLessThanOrEqual(2);
  });

  it("gives a tenant all places while it is alone, and its share while others are there", () => {
    const play = open({ workingTurns: () => 8, workingTurnsBesideOthers: () => 2 });
    const busy = () => play.names().filter((name) => name.startsWith("busy")).length;
    for (let i = 0; i < 20; i++) play.queue("busy", `busy-${i}`);
    expect(busy()).toBe(8);
    play.queue("quiet", "quiet");
    for (let i = 0; i < 6; i++) {
      play.place(`busy-${i}`)[Symbol.dispose]();
      expect(play.names()).toContain("quiet");
      expect(busy()).toBe(8);
    }
    play.place("quiet")[Symbol.dispose]();
    play.place("busy-6")[Symbol.dispose]();
    expect(busy()).toBe(9);
    // Nobody else has been there for a while.
    play.pass(5_000);
    play.place("busy-7")[Symbol.dispose]();
    expect(busy()).toBe(16);
    play.queue("quiet", "quiet again");
    play.place("busy-8")[Symbol.dispose]();
    play.place("busy-9")[Symbol.dispose]();
    expect(busy()).toBe(16);
    // The clock is set back.
    play.pass(-3_600_000);
    play.place("busy-10")[Symbol.dispose]();
    expect(busy()).toBe(18);
  });

  it("lets a tenant's turns that have begun go on before others of its begin", async () => {
    const play = open();
    const { wait, end } = openWait();
    play.queue("acme", "first");
    const away = play.place("first").away(wait);
    play.queue("acme", "second");
    play.queue("acme", "third");
    end();
    await settled();
    expect(play.names()).toEqual(["first", "second"]);
    play.place("second")[Symbol.dispose]();
    await away;
    expect(play.names()).toEqual(["first", "second"]);
    play.place("first")[Symbol.dispose]();
    expect(play.names()).toEqual(["first", "second", "third"]);
  });

  it("lets work within a turn have a place while the turn waits for it", async () => {
    const play = open();
    play.queue("acme", "caller");
    const inner = async (depth: number): Promise<number> => {
      using place = await play.places.enter({ account: "acme", signal: play.stop.signal });
      return depth === 0 ? 0 : await place.away(() => inner(depth - 1)) + 1;
    };
    expect(await play.place("caller").away(() => inner(5))).toBe(5);
  });

  it("lets an aborted turn end without a place, and gives nobody's place to two", async () => {
    const play = open();
    play.queue("acme", "first");
    const { wait, end } = openWait();
    const back = play.place("first").away(wait);
    play.queue("globex", "second");
    end();
    await settled();
    play.stop.abort();
    await back;
    play.place("first")[Symbol.dispose]();
    play.queue("acme", "third");
    expect(play.names()).toEqual(["first", "second"]);
    play.place("second")[Symbol.dispose]();
    play.place("second")[Symbol.dispose]();
    play.queue("acme", "fourth");
    expect(play.names()).toEqual(["first", "second", "third"]);
  });

  it("never lets more work than it says, and everybody at last, whatever they wait for when", async () => {
    const turn = fc.record({
      account: fc.constantFrom("a", "b", "c"),
      waits: fc.array(fc.nat(3), { maxLength: 4 }),
      failing: fc.boolean(),
    });
    const property = fc.asyncProperty(
      fc.array(turn, { maxLength: 30 }),
      fc.integer({ min: 1, max: 4 }),
      fc.integer({ min: 1, max: 4 }),
      async (turns, all, own) => {
        const { places } = open({ workingTurns: () => all, workingTurnsBesideOthers: () => own });
        let working = 0;
        const enter = (): void => expect(++working).toBeLessThanOrEqual(all);
        const run = async (place: Place, { waits, failing }: typeof turns[number]) => {
          enter();
          for (const loops of waits) {
            const wait = async (): Promise<void> => {
              working--;
              for (let i = 0; i < loops; i++) await settled();
              if (failing) throw new Error("nobody answers");
            };
            await place.away(wait).catch(() => undefined);
            enter();
          }
          working--;
          place[Symbol.dispose]();
        };
        await Promise.all(turns.map((one) =>
          new Promise<void>((resolve) => {
            places.whenFree(one.account, (take) => {
              resolve(run(take({ signal: new AbortController().signal }), one));
            });
          })
        ));
        expect(working).toBe(0);
      },
    );
    await fc.assert(property, { numRuns: 50 });
  });
});
