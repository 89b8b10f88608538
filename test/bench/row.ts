/**
 * What a row of the table is made of.
 *
 * @module
 */
import type { Target } from "./statistics.ts";

/** What one round of one side came to. */
export interface Sample {
  /** In the row's unit. */
  readonly value: number;
  /** How many cores each process kept busy, by the process's part. */
  readonly cores: Readonly<Record<string, number>>;
}

/** One side of a row, running. Disposing ends its processes. */
export interface Side extends AsyncDisposable {
  /** Loads it for about `durationMs` milliseconds. */
  readonly round: (durationMs: number) => Promise<Sample>;
}

/** What rows get to work with. */
export interface Workshop {
  /** Where databases and homes of this run lie: on the disk of the checkout, removed afterwards. */
  readonly dir: string;
  /** The product's migrations. */
  readonly migrationsDir: string;
  /** How much of their full size rows with large databases have: 1 for all of it. */
  readonly scale: number;
  /** The compiled file of a source, given as `import.meta.resolve("../servers/daemon.ts")`. */
  readonly compiled: (source: string) => string;
}

/** A row: two sides, measured in turns, and the ratio wanted between them. */
export interface Row {
  readonly name: string;
  /** What {@linkcode Sample.value} counts, such as `requests per CPU-second`. */
  readonly unit: string;
  /** Of ours divided by theirs. */
  readonly target: Target;
  /** Whether `--quick` runs it. */
  readonly quick: boolean;
  readonly ours: (workshop: Workshop) => Promise<Side>;
  readonly theirs: (workshop: Workshop) => Promise<Side>;
}
