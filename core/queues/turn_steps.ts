/**
 * The journal of turns under way: each finished step, so that a turn run again repeats none.
 *
 * @module
 */
import { codeOf } from "../contract/mod.ts";
import { type Soon, whenHere } from "../flow/soon.ts";
import type { Sealer } from "../store/sealer.ts";
import { bulk, insert, type Store, type Write } from "../store/store.ts";

/**
 * The journal of one turn. What is finished waits in memory for the next commit of its turn, which is
 * at the latest the one before something outside is asked again.
 */
export interface Journal {
  /**
   * The result of the next step: an earlier run's when it kept this step, else what `run` returns,
   * which is kept together with its `writes`. With `writes` undefined nothing is. A step that not
   * every run takes needs a `number` of its own, below zero, so that it moves no other.
   */
  step<T>(
    run: (step: number) => Soon<StepResult<T>>,
    parse: (stored: unknown) => T,
    number?: number,
  ): Soon<T>;
  /** Rows that belong to no step; they are committed with whatever is next. */
  owe(writes: readonly Write[]): void;
  /** Rows that say that the turn is under way: owed, unless its end is next, which says more. */
  mark(writes: readonly Write[]): void;
  /** Commits `writes` and everything that waits. When that fails, what waited waits on. */
  readonly commit: (writes: readonly Write[]) => Promise<void>;
  /** Puts everything that waits on disk. Whoever is about to ask something outside awaits it first. */
  readonly settle: () => Soon<void>;
  /**
   * {@linkcode Journal.settle} after a failure: where a step itself cannot be written, steps are given
   * up that are not on disk, and the rest is.
   */
  salvage(): Promise<void>;
  /**
   * Commits the end of the turn: `writes` and everything that waits. Steps are not kept any more, for
   * nobody will replay them.
   */
  end(writes: readonly Write[]): Promise<void>;
  /** Rows that forget the steps on disk, for who commits an end elsewhere; settle before. */
  rowsForForgotten(): Write[];
}

/** What a step came to, and the rows that belong to it. */
export interface StepResult<T> {
  readonly result: T;
  readonly writes: readonly Write[] | undefined;
  /** Called once those are on disk, unless the process dies just then. */
  readonly onWritten?: (() => void) | undefined;
}

/** Rows of the table `turn_steps`. */
export interface TurnSteps {
  /** `isNew` says that no run of the turn has kept anything. */
  open(account: string, turnId: string, options: { isNew: boolean }): Promise<Journal>;
}

/** Rows that wait for a commit. */
interface Waiting {
  readonly writes: readonly Write[];
  /** The step they belong to, with its result. */
  readonly step?: { readonly number: number; readonly result: unknown };
  readonly onWritten?: (() => void) | undefined;
}

/** Returns the journals over `store`. */
export function createTurnSteps(
  { store, sealer }: { store: Pick<Store, "commit" | "readEach">; sealer: Sealer },
): TurnSteps {
  async function readSteps(turnId: string): Promise<Map<number, Uint8Array>> {
    const rows = await store.readEach<{ step: number; sealed: Uint8Array }>(
      `WITH given (call, turn_id) AS (VALUES $rows)
       SELECT given.call, s.step, s.sealed FROM given JOIN turn_steps s ON s.turn_id = given.turn_id`,
      [[turnId]],
    );
    return new Map(rows.map(({ step, sealed }) => [step, sealed]));
  }

  return {
    async open(account, turnId, { isNew }) {
      const finished = isNew ? new Map<number, Uint8Array>() : await readSteps(turnId);
      const place = (step: number) => ({ table: "turn_steps", account, id: `${turnId}/${step}` });
      let waiting: Waiting[] = [];
      let marks: readonly Write[] = [];
      let onDisk = finished.size;
      let next = 0;

      function rowsOf({ writes, step }: Waiting): readonly Write[] {
        if (step === undefined) return writes;
        const sealed = sealer.seal(place(step.number), JSON.stringify(step.result));
        const row = { turn_id: turnId, step: step.number, account_id: account, sealed };
        return [insert("turn_steps", row), ...writes];
      }

      const rowsForForgotten = (): Write[] =>
        onDisk === 0
          ? []
          : [bulk("DELETE FROM turn_steps WHERE turn_id IN (VALUES $rows)", [[turnId]], "any")];

      async function write(writes: readonly Write[]): Promise<void> {
        const given = waiting;
        await store.commit(writes);
        waiting = waiting.slice(given.length);
        marks = [];
        for (const { onWritten } of given) onWritten?.();
      }

      async function commit(writes: readonly Write[]): Promise<void> {
        const steps = waiting.filter(({ step }) => step !== undefined).length;
        await write([...waiting.flatMap(rowsOf), ...marks, ...writes]);
        onDisk += steps;
      }

      const settle = (): Soon<void> => waiting.length + marks.length === 0 ? undefined : commit([]);

      return {
        step(run, parse, number) {
          const step = number ?? next++;
          const stored = finished.get(step);
          if (stored !== undefined) return parse(JSON.parse(sealer.openText(place(step), stored)));
          return whenHere(run(step), ({ result, writes, onWritten }) => {
            if (writes !== undefined) {
              waiting.push({ writes, step: { number: step, result }, onWritten });
            }
            return result;
          });
        },
        owe(writes) {
          if (writes.length > 0) waiting.push({ writes });
        },
        mark: (writes) => void (marks = writes),
        commit,
        settle,
        async salvage() {
          try {
            await settle();
          } catch (error) {
            if (codeOf(error) !== "conflict") throw error;
            waiting = waiting.filter(({ step }) => step === undefined);
            await settle();
          }
        },
        end: (writes) =>
          write([...waiting.flatMap(({ writes: own }) => own), ...rowsForForgotten(), ...writes]),
        rowsForForgotten,
      };
    },
  };
}
