/**
 * The journal of turns under way: each finished step, so that a turn run again repeats none.
 *
 * @module
 */
import type { Sealer } from "../store/sealer.ts";
import { bulk, insert, type Store, type Write } from "../store/store.ts";

/** The journal of one turn. */
export interface Journal {
  /**
   * The result of the next step: an earlier run's when it finished this step, else what `run`
   * returns, which is on disk, together with its `writes`, before it is returned. With `writes`
   * undefined nothing is kept: for a last step whose result is committed with the turn. A step that
   * not every run takes needs a `number` of its own, below zero, so that it moves no other.
   */
  step<T>(
    run: (step: number) => Promise<StepResult<T>>,
    parse: (stored: unknown) => T,
    number?: number,
  ): Promise<T>;
}

/** What a step came to, and the rows that belong to it. */
export interface StepResult<T> {
  readonly result: T;
  readonly writes: readonly Write[] | undefined;
}

/** Rows of the table `turn_steps`. */
export interface TurnSteps {
  open(account: string, turnId: string): Promise<Journal>;
  rowsForFinished(turnId: string): Write[];
}

/** Returns the journals over `store`. */
export function createTurnSteps({ store, sealer }: { store: Store; sealer: Sealer }): TurnSteps {
  const place = (account: string, turnId: string, step: number) => ({
    table: "turn_steps",
    account,
    id: `${turnId}/${step}`,
  });
  return {
    async open(account, turnId) {
      const rows = await store.readEach<{ step: number; sealed: Uint8Array }>(
        `WITH given (call, turn_id) AS (VALUES $rows)
         SELECT given.call, s.step, s.sealed FROM given JOIN turn_steps s ON s.turn_id = given.turn_id`,
        [[turnId]],
      );
      const finished = new Map(rows.map(({ step, sealed }) => [step, sealed]));
      let next = 0;
      return {
        async step(run, parse, number) {
          const step = number ?? next++;
          const where = place(account, turnId, step);
          const stored = finished.get(step);
          if (stored !== undefined) return parse(JSON.parse(sealer.openText(where, stored)));
          const { result, writes } = await run(step);
          if (writes === undefined) return result;
          const sealed = sealer.seal(where, JSON.stringify(result));
          await store.commit([
            insert("turn_steps", { turn_id: turnId, step, account_id: account, sealed }),
            ...writes,
          ]);
          return result;
        },
      };
    },
    rowsForFinished: (turnId) => [
      bulk("DELETE FROM turn_steps WHERE turn_id IN (VALUES $rows)", [[turnId]], "any"),
    ],
  };
}
