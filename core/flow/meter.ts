/**
 * Counting what happens, and telling it as Prometheus text when asked.
 *
 * Numbers are added to plain variables; names, labels and text are dealt with when somebody scrapes.
 *
 * @module
 */

type Values<L extends readonly string[]> = { readonly [K in keyof L]: string };

/** Only rises. */
export interface Counter<L extends readonly string[]> {
  /** `labels` in the order of their names; an empty value means that the label is absent. */
  add(amount: number, ...labels: Values<L>): void;
}

/** How often values fell below bounds. */
export interface Histogram<L extends readonly string[]> {
  observe(value: number, ...labels: Values<L>): void;
}

/** A value at the time of a scrape, with its labels. */
export type Reading<L extends readonly string[]> = readonly [value: number, ...labels: Values<L>];

/** What a metric is called, and what it says. */
export interface MetricName<L extends readonly string[]> {
  readonly name: string;
  readonly help: string;
  readonly labels?: L | undefined;
}

/** The metrics of a process. */
export interface Meter {
  counter<const L extends readonly string[] = []>(metric: MetricName<L>): Counter<L>;
  /** `bounds` rise; what is above the last one counts, too. */
  histogram<const L extends readonly string[] = []>(
    metric: MetricName<L> & { readonly bounds: readonly number[] },
  ): Histogram<L>;
  /** Values that are there anyway, read at each scrape; `type` says whether they only rise. */
  reads<const L extends readonly string[] = []>(
    metric: MetricName<L> & { readonly type: "counter" | "gauge" },
    read: () => readonly Reading<L>[] | Promise<readonly Reading<L>[]>,
  ): void;
  /** The text format of Prometheus, version 0.0.4. A reading that fails is left out. */
  readonly render: () => Promise<string>;
}

/** Bounds for durations from a millisecond to half a minute, in seconds. */
export const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

/** Bounds for the same durations in milliseconds. */
export const MILLISECONDS = SECONDS.map((secs) => secs * 1_000);

/** Series of one metric; more are counted together, so that no label can fill the memory. */
const MAX_SERIES = 1_000;
const OTHER = "_other";

/** Returns an empty meter; `onError` hears of readings that failed. */
export function createMeter(
  { maxSeries = MAX_SERIES, onError = () => undefined }: {
    maxSeries?: number | undefined;
    onError?: ((name: string, error: unknown) => void) | undefined;
  } = {},
): Meter {
  const metrics = new Map<string, () => Promise<string[]>>();

  function add(
    { name, help }: { name: string; help: string },
    type: string,
    lines: () => string[] | Promise<string[]>,
  ): void {
    if (metrics.has(name)) throw new TypeError(`Cannot count "${name}": the name is taken`);
    const head = [`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`];
    metrics.set(name, async () => {
      try {
        return [...head, ...await lines()];
      } catch (error) {
        onError(name, error);
        return head;
      }
    });
  }

  return {
    counter({ labels = [] as never, ...metric }) {
      const series = createSeries(labels, maxSeries, () => ({ total: 0 }));
      add(metric, "counter", () =>
        series.lines(({ total }, shown) => [
          `${metric.name}${shown()} ${total}`,
        ]));
      return {
        add(amount, ...values) {
          series.at(values).total += amount;
        },
      };
    },
    histogram({ labels = [] as never, bounds, ...metric }) {
      const series = createSeries(labels, maxSeries, () => ({
        counts: [...bounds, Infinity].map(() => 0),
        sum: 0,
      }));
      add(
        metric,
        "histogram",
        () => series.lines((one, shown) => histogramLines(metric.name, bounds, one, shown)),
      );
      return {
        observe(value, ...values) {
          const one = series.at(values);
          let i = 0;
          while (i < bounds.length && value > (bounds[i] ?? 0)) i++;
          one.counts[i] = (one.counts[i] ?? 0) + 1;
          one.sum += value;
        },
      };
    },
    reads({ labels = [] as never, type, ...metric }, read) {
      add(metric, type, async () => {
        const readings = (await read()).slice(0, maxSeries);
        return readings.map(([value, ...values]) =>
          `${metric.name}${labelText(labels, values as readonly string[])} ${value}`
        );
      });
    },
    async render() {
      const parts = await Promise.all([...metrics.values()].map((lines) => lines()));
      return parts.flat().map((line) => `${line}\n`).join("");
    },
  };
}

/** Label text; with `more`, for example of a bucket, after the series' own. */
type Shown = (more?: string) => string;

function createSeries<S>(names: readonly string[], maxSeries: number, make: () => S) {
  const all = new Map<string, { readonly values: readonly string[]; readonly state: S }>();
  // A metric without labels is there from the start, so that its first rise can be seen.
  if (names.length === 0) all.set("", { values: [], state: make() });

  function start(key: string, values: readonly string[]): S {
    if (all.size >= maxSeries && values.some((value) => value !== OTHER)) {
      return at(names.map(() => OTHER));
    }
    const state = make();
    all.set(key, { values, state });
    return state;
  }

  function at(values: readonly string[]): S {
    const key = values.length === 1 ? values[0] ?? "" : values.join("\0");
    return all.get(key)?.state ?? start(key, values);
  }

  return {
    at,
    lines: (render: (state: S, shown: Shown) => string[]): string[] =>
      [...all.values()].flatMap(({ values, state }) =>
        render(state, (more) => labelText(names, values, more))
      ),
  };
}

function histogramLines(
  name: string,
  bounds: readonly number[],
  { counts, sum }: { readonly counts: readonly number[]; readonly sum: number },
  shown: Shown,
): string[] {
  let below = 0;
  const buckets = counts.map((count, i) => {
    below += count;
    return `${name}_bucket${shown(`le="${bounds[i] ?? "+Inf"}"`)} ${below}`;
  });
  return [...buckets, `${name}_sum${shown()} ${sum}`, `${name}_count${shown()} ${below}`];
}

function labelText(names: readonly string[], values: readonly string[], more?: string): string {
  const pairs = names.flatMap((name, i) => {
    const value = values[i] ?? "";
    return value === "" ? [] : [`${name}="${escapeLabel(value)}"`];
  });
  if (more !== undefined) pairs.push(more);
  return pairs.length === 0 ? "" : `{${pairs.join(",")}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
