/**
 * Takeovers whose process is dropped at any commit: pause → messages → replies → resume, in any order.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  openTakeoverPlace,
  operatorReply,
  ROSA,
  SCOPE,
  type TakeoverProcess,
} from "../../../support/takeover.ts";
import { VISITOR } from "../../../support/turns.ts";

type Step =
  | { readonly do: "say" }
  | { readonly do: "pause" }
  | { readonly do: "reply" }
  | { readonly do: "resume"; readonly runTurn: boolean };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: "say" }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: "pause" }) },
  { weight: 2, arbitrary: fc.constant<Step>({ do: "reply" }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("resume" as const), runTurn: fc.boolean() }),
  },
);
/** How many commits each process lives to see; the last one lives on. */
const lives = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 2, maxLength: 4 });

/** What the agent had sent, by the ids of the outbox. */
async function sentByAgent({ store }: TakeoverProcess): Promise<string[]> {
  const rows = await store.read<{ id: string }>(
    "SELECT id FROM outbox WHERE state = 'sent' AND author = 'agent' ORDER BY id",
  );
  return rows.map(({ id }) => id);
}

describe("a takeover whose process is dropped", () => {
  it("P1: stays one; nothing is lost, said twice or out of order, and times stay", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { minLength: 4, maxLength: 9 }),
        lives,
        async (steps, left) => {
          await using place = await openTakeoverPlace();
          const budgets = [...left];
          const start = () => place.start({ commits: budgets.shift() });
          let core = await start();
          let isPaused = false;
          let sentWhenPaused: string[] = [];

          /** Does it, in the next process when one dies of it; each act can be repeated. */
          async function live<T>(act: (core: TakeoverProcess) => Promise<T>): Promise<T> {
            for (;;) {
              const now = core;
              const died = Symbol("died");
              const ended = await Promise.race([act(now), now.died.then(() => died)]);
              if (ended !== died) return ended as T;
              await now[Symbol.asyncDispose]();
              core = await start();
              if (!isPaused) continue;
              expect(core.oversight.pauses.get(SCOPE)?.operator).toEqual(ROSA);
              expect(await sentByAgent(core)).toEqual(sentWhenPaused);
            }
          }

          const expected: string[] = [];
          for (const [i, next] of [...steps, { do: "resume", runTurn: false } as Step].entries()) {
            switch (next.do) {
              case "say":
                await live((now) =>
                  now.say(VISITOR, `said ${i}`, { id: `m${i}`, atMs: 1_000 + i })
                );
                expected.push(`user said ${i} ${1_000 + i}`);
                break;
              case "pause":
                await live((now) => now.oversight.pause(SCOPE, ROSA, {}));
                if (!isPaused) sentWhenPaused = await live(sentByAgent);
                isPaused = true;
                break;
              case "reply": {
                if (!isPaused) break;
                const action = operatorReply(`reply ${i}`);
                await live((now) => now.oversight.intervene(SCOPE, ROSA, action, { key: `${i}` }));
                expected.push(`assistant reply ${i}`);
                break;
              }
              case "resume": {
                if (!isPaused) break;
                expect(await live(sentByAgent)).toEqual(sentWhenPaused);
                isPaused = false;
                const summary = { key: VISITOR, text: `summary ${i}` };
                const { runTurn } = next;
                await live((now) =>
                  now.oversight.resume(SCOPE, ROSA, { force: false, runTurn, summary })
                );
                expected.push(`system [operator_summary] summary ${i}`);
                break;
              }
            }
            await live((now) => now.idle());
          }

          const entries = (await live((now) => now.transcript(VISITOR)))
            .filter(({ source, role }) => role !== "assistant" || source.startsWith("intervention"))
            .filter(({ source }) => !source.startsWith("withheld"))
            // What a person said first, before anybody was there to answer, the model gets as a summary.
            .filter(({ body }) => !body.startsWith("Summary of what was said before"))
            .map(({ role, body, atMs }) => `${role} ${body}${role === "user" ? ` ${atMs}` : ""}`);
          expect(entries).toEqual(expected);
          const replies = await core.store.read<{ state: string }>(
            "SELECT state FROM outbox WHERE author = 'operator'",
          );
          expect(replies).toHaveLength(
            expected.filter((line) => line.startsWith("assistant")).length,
          );
          expect(replies.every(({ state }) => state === "sent")).toBe(true);
          expect(await core.inbounds.openForOperator()).toEqual([]);
          for (const table of ["pending_inbounds", "processing", "turn_steps"]) {
            expect(await core.store.read(`SELECT 1 AS x FROM ${table}`), table).toEqual([]);
          }
        },
      ),
      { numRuns: 8 },
    );
  }, 240_000);
});
