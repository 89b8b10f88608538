/**
 * The journal of turns under way: each finished step, so that a turn run again repeats none.
 *
 * @module
 */
import type { Sealer } from "../store/sealer.ts";
import { insert, statement, type Store, type Write } from "../store/store.ts";

/** The journal of one turn. */
export interface Journal {
  /** How many steps an earlier run finished. */
  readonly replayable: number;
  /**
   * The result of the next step: an earlier run's when it finished this step, else what `run`
   * returns, which is on disk before it is returned.
   */
  step<T>(run: (step: number) => Promise<T>, parse: (stored: unknown) => T): Promise<T>;
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
      const rows = await store.read<{ step: number; sealed: Uint8Array }>(
        "SELECT step, sealed FROM turn_steps WHERE turn_id = ? ORDER BY step",
        [turnId],
      );
      let next = 0;
      return {
        replayable: rows.length,
        async step(run, parse) {
          const step = next++;
          const where = place(account, turnId, step);
          const stored = rows[step];
          if (stored !== undefined) return parse(JSON.parse(sealer.openText(where, stored.sealed)));
          const result = await run(step);
          const sealed = sealer.seal(where, JSON.stringify(result));
          await store.commit([
            insert("turn_steps", { turn_id: turnId, step, account_id: account, sealed }),
          ]);
          return result;
        },
      };
    },
    rowsForFinished: (turnId) => [statement("DELETE FROM turn_steps WHERE turn_id = ?", [turnId])],
  };
}
