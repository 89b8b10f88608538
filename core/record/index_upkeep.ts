/**
 * Keeping the full-text index free of what was deleted.
 *
 * @module
 */
import { delay } from "../flow/delay.ts";
import { statement, type Store } from "../store/store.ts";

/** Pages of the index written in one commit. */
const STEP_PAGES = 256;
const BETWEEN_STEPS_MS = 2;

/**
 * Writes the index anew, step by step, so that the words of deleted entries are nowhere in it.
 *
 * The index itself only marks entries as deleted, and drops them when it happens to merge; its own
 * `secure-delete` damages indices whose content lies elsewhere (seen with SQLite 3.45).
 */
export async function compactIndex(
  store: Pick<Store, "commit" | "readMany">,
  { signal }: { signal?: AbortSignal | undefined } = {},
): Promise<void> {
  const [size] = await store.readMany<{ pages: number }>(
    "SELECT count(*) AS pages FROM transcripts_fts_data",
  );
  // The whole is written once, and half as much again for what others add meanwhile.
  const steps = Math.ceil((size?.pages ?? 0) * 1.5 / STEP_PAGES) + 2;
  for (let step = 0; step < steps; step++) {
    signal?.throwIfAborted();
    await store.commit([
      statement("INSERT INTO transcripts_fts (transcripts_fts, rank) VALUES ('merge', ?)", [
        // A negative number begins, a positive one goes on.
        step === 0 ? -STEP_PAGES : STEP_PAGES,
      ]),
    ]);
    await delay(BETWEEN_STEPS_MS, { signal });
  }
}
