/**
 * A strict reader of the Prometheus text format, written from its description alone.
 *
 * @module
 */

/** One line of a metric. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A metric as it was told. */
export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const HEAD = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/;
const SAMPLE =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{((?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\["\\n])*",?)*)\})? (\S+)$/;
const LABEL = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"/g;

/**
 * Reads every metric. Throws on what Prometheus refuses: a line it cannot read, a sample outside its
 * family, a repeated sample or family, buckets that fall.
 */
export function readPrometheus(text: string): Map<string, Family> {
  const families = new Map<string, { help: string; type: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let current = "";
  if (!text.endsWith("\n")) throw new Error("the last line has no end");
  for (const line of text.slice(0, -1).split("\n")) {
    const head = HEAD.exec(line);
    if (head !== null) {
      const [, what, name = "", rest = ""] = head;
      if (what === "HELP") {
        if (families.has(name)) throw new Error(`"${name}" comes twice`);
        families.set(name, { help: rest, type: "", samples: [] });
      } else {
        const family = families.get(name);
        if (family === undefined || name !== current) throw new Error(`no HELP before "${line}"`);
        if (!["counter", "gauge", "histogram", "summary"].includes(rest)) throw new Error(line);
        family.type = rest;
      }
      current = name;
      continue;
    }
    if (line === "") continue;
    const sample = readSample(line);
    const family = families.get(current);
    if (family === undefined || !belongs(sample.name, current, family.type)) {
      throw new Error(`"${line}" is in the family "${current}"`);
    }
    const key = `${sample.name} ${
      JSON.stringify(
        Object.keys(sample.labels).toSorted((a, b) => a < b ? -1 : 1).map((
          label,
        ) => [label, sample.labels[label]]),
      )
    }`;
    if (seen.has(key)) throw new Error(`"${line}" comes twice`);
    seen.add(key);
    family.samples.push(sample);
  }
  return families;
}

function readSample(line: string): Sample {
  const [, name = "", labels = "", number = ""] = SAMPLE.exec(line) ?? [];
  if (name === "") throw new Error(`cannot read "${line}"`);
  const value = number === "+Inf" ? Infinity : number === "Nan" ? NaN : Number(number);
  if (number === "" || (Number.isNaN(value) && number !== "Nan")) throw new Error(`"${line}"`);
  const pairs = [...labels.matchAll(LABEL)].map(([, key = "", text = ""]) => [
    key,
    text.replaceAll(/\\(.)/g, (_, char: string) => (char === "n" ? "\n" : char)),
  ]);
  return { name, labels: Object.fromEntries(pairs) as Record<string, string>, value };
}

function belongs(sample: string, family: string, type: string): boolean {
  if (type !== "histogram" && type !== "summary") return sample === family;
  return [family, `${family}_bucket`, `${family}_sum`, `${family}_count`].includes(sample);
}

/** The value of a sample; undefined when there is none with these labels. */
export function valueOf(
  families: ReadonlyMap<string, Family>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(bucket|sum|count)$/, ""));
  return family?.samples.find((sample) =>
    sample.name === name &&
    Object.entries(labels).every(([key, value]) => sample.labels[key] === value)
  )?.value;
}
