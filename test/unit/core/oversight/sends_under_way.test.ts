/**
 * A pause that meets a reply on its way out.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import {
  openTakeoverPlace,
  operatorReply,
  ROSA,
  SCOPE,
  type TakeoverProcess,
} from "../../../support/takeover.ts";
import { VISITOR } from "../../../support/turns.ts";

const give = { force: false };

/** Begins a pause that a send under way holds up; gives what resolves when it is said to hold. */
async function pauseDuringSend(
  { oversight }: TakeoverProcess,
): Promise<{ readonly holds: Promise<void> }> {
  let paused = false;
  const holds = oversight.pause(SCOPE, ROSA, {}).then(() => void (paused = true));
  while (oversight.pauses.get(SCOPE) === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(paused).toBe(false);
  return { holds };
}

describe("a pause", () => {
  it("P2: withholds a reply that waits for its channel, for good, and the model is told", async () => {
    let failing = true;
    await using opened = await openTakeoverPlace("", {
      send: (outbound) =>
        Promise.resolve(
          failing && outbound.author === "agent"
            ? { kind: "retry", reason: "down", afterMs: 3_600_000 }
            : { kind: "sent", receipt: null },
        ),
    });
    const core = await opened.start();
    await core.say(VISITOR, "hello");
    while ((await core.store.read("SELECT 1 AS x FROM outbox WHERE attempts = 1")).length === 0) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await core.oversight.pause(SCOPE, ROSA, {});
    failing = false;
    await core.oversight.intervene(SCOPE, ROSA, operatorReply("This is Rosa."), {});
    // It does not wait behind what was to be tried again in an hour.
    await core.idle();
    await core.oversight.resume(SCOPE, ROSA, give);
    await core.say(VISITOR, "and now?");
    await core.idle();
    expect(core.sent).toMatchObject([
      { author: "operator", text: "This is Rosa." },
      { author: "agent", text: 'You said: "and now?"' },
    ]);
    expect(core.asked.at(-1)?.map(({ content }) => content)).toEqual([
      "hello",
      'You said: "hello"',
      expect.stringMatching(/^\[not_delivered\]/),
      "This is Rosa.",
      "and now?",
    ]);
    expect(await core.deadLetters.listForOperator({ limit: 5 })).toMatchObject([
      { kind: "outbox", code: "conversation_paused", account_id: "acme" },
    ]);
  });

  it("lets a send end that its channel was asked for before, and says so only then", async () => {
    let begun = (): void => {};
    const asked = new Promise<void>((resolve) => (begun = resolve));
    let release = (): void => {};
    await using opened = await openTakeoverPlace("", {
      send: () => {
        begun();
        return new Promise((resolve) => {
          release = () => resolve({ kind: "sent", receipt: null });
        });
      },
    });
    const core = await opened.start();
    await core.say(VISITOR, "hello");
    await asked;
    const { holds } = await pauseDuringSend(core);
    release();
    await holds;
    await core.idle();
    expect(core.sent).toMatchObject([{ author: "agent" }]);
    expect(await core.deadLetters.listForOperator({ limit: 5 })).toEqual([]);
  });

  it("lets a commit end that sends a reply, and says so only then; nothing goes out after it", async () => {
    let begun = (): void => {};
    const begins = new Promise<void>((resolve) => (begun = resolve));
    let release = (): void => {};
    const held = new Promise<void>((resolve) => (release = resolve));
    await using opened = await openTakeoverPlace();
    const core: TakeoverProcess = await opened.start({
      turn: {
        depart(outbound, nowMs) {
          const { writes, goWith } = core.delivery.depart(outbound, nowMs);
          return {
            writes,
            goWith: (commit) =>
              goWith(async () => {
                begun();
                await held;
                await commit();
              }),
          };
        },
      },
    });
    await core.say(VISITOR, "hello");
    await begins;
    const { holds } = await pauseDuringSend(core);
    expect(core.sent).toEqual([]);
    release();
    await holds;
    expect(core.sent).toMatchObject([{ author: "agent" }]);
    await core.say(VISITOR, "and now?");
    await core.idle();
    expect(core.sent).toHaveLength(1);
    expect(await core.store.read("SELECT state FROM outbox")).toEqual([{ state: "sent" }]);
    expect(await core.events("acme", "outbound_sent", "turn_finished")).toMatchObject([
      { kind: "turn_finished", outcome: "ok" },
      { kind: "outbound_sent", attempts: 1 },
    ]);
    expect(await core.deadLetters.listForOperator({ limit: 5 })).toEqual([]);
  });
});

describe("a reply", () => {
  it.each([1, 2, 3])(
    "sends a reply once and ends its turn with it, also when the process is gone after commit %d",
    async (commits) => {
      await using opened = await openTakeoverPlace();
      {
        const core = await opened.start({ commits });
        await Promise.race([core.say(VISITOR, "hello").then(() => core.idle()), core.died]);
        const [turn] = await core.store.read("SELECT outcome FROM turns");
        const sent = await core.store.read("SELECT state FROM outbox");
        expect(sent).toEqual(turn === undefined ? [] : [{ state: "sent" }]);
        await core[Symbol.asyncDispose]();
      }
      await using core = await opened.start();
      await core.idle();
      expect(await core.store.read("SELECT state FROM outbox")).toEqual([{ state: "sent" }]);
      const ends = await core.events("acme", "outbound_sent", "turn_finished");
      expect(ends.map(({ kind }) => kind)).toEqual(["turn_finished", "outbound_sent"]);
    },
  );
});
