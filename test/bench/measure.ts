/**
 * Measures a row: warm-up, then rounds in which both sides take turns.
 *
 * @module
 */
import type { Row, Sample, Side, Workshop } from "./row.ts";
import { median, spreadOf, verdictOf } from "./statistics.ts";

/** How long a row is measured. */
export interface Plan {
  /** Of each side, before anything counts, in milliseconds. */
  readonly warmUpMs: number;
  readonly rounds: number;
  /** Of each side in each round, in milliseconds. */
  readonly roundMs: number;
}

/** A measured row, as `--json` prints it. */
export interface RowResult {
  readonly name: string;
  /** Median of the rounds. */
  readonly ours: number;
  readonly theirs: number;
  readonly unit: string;
  /** Median of the rounds' own ratios, ours by theirs. */
  readonly ratio: number;
  readonly target: number;
  readonly bound: "at_least" | "at_most";
  /** Null when the noise allows no verdict. */
  readonly meets: boolean | null;
  /** Width of the interval that holds the true ratio, as a share of it. */
  readonly spread: number;
  readonly ratios: readonly number[];
  /** Cores each process kept busy, median of the rounds. */
  readonly cores: { readonly ours: Cores; readonly theirs: Cores };
}

type Cores = Readonly<Record<string, number>>;

/** Measures one row; a side that fails fails the row. */
export async function measureRow(row: Row, workshop: Workshop, plan: Plan): Promise<RowResult> {
  await using ours = await row.ours(workshop);
  await using theirs = await row.theirs(workshop);
  await warmUp(ours, plan.warmUpMs);
  await warmUp(theirs, plan.warmUpMs);

  const samples: { ours: Sample; theirs: Sample }[] = [];
  for (let round = 0; round < plan.rounds; round++) {
    // Whoever goes first changes each time, so that a drift of the machine favours nobody.
    if (round % 2 === 0) {
      const first = await ours.round(plan.roundMs);
      samples.push({ ours: first, theirs: await theirs.round(plan.roundMs) });
    } else {
      const first = await theirs.round(plan.roundMs);
      samples.push({ theirs: first, ours: await ours.round(plan.roundMs) });
    }
  }
  return summarise(row, samples);
}

/** Two rounds: what the first compiled, the second may compile again. */
async function warmUp(side: Side, durationMs: number): Promise<void> {
  await side.round(durationMs / 2);
  await side.round(durationMs / 2);
}

function summarise(
  { name, unit, target }: Row,
  samples: readonly { ours: Sample; theirs: Sample }[],
): RowResult {
  const ratios = samples.map(({ ours, theirs }) => ours.value / theirs.value);
  return {
    name,
    ours: median(samples.map(({ ours }) => ours.value)),
    theirs: median(samples.map(({ theirs }) => theirs.value)),
    unit,
    ratio: median(ratios),
    target: "atLeast" in target ? target.atLeast : target.atMost,
    bound: "atLeast" in target ? "at_least" : "at_most",
    meets: verdictOf(ratios, target),
    spread: spreadOf(ratios),
    ratios,
    cores: {
      ours: medianCores(samples.map(({ ours }) => ours.cores)),
      theirs: medianCores(samples.map(({ theirs }) => theirs.cores)),
    },
  };
}

function medianCores(rounds: readonly Cores[]): Cores {
  const parts = Object.keys(rounds[0] ?? {});
  return Object.fromEntries(
    parts.map((part) => [part, median(rounds.map((cores) => cores[part] ?? 0))]),
  );
}
