/**
 * One config file, from text to checked data.
 *
 * @module
 */
import { z } from "zod";
import { expandPattern, type FileKind, pathMatches } from "./files.ts";
import { fill, type Flaw, scan, type Sources } from "./interpolate.ts";
import { pathText, type Problem } from "./problems.ts";
import { at, type Finding, findings, keysInSchema } from "./schema_problems.ts";
import { type Path, readYaml, type YamlFile } from "./yaml_file.ts";

/** A file after reading. */
export interface ConfigFile<T> {
  /** Absolute. */
  readonly file: string;
  /** Undefined when some problem is an error. */
  readonly value: T | undefined;
  readonly problems: readonly Problem[];
  readonly place: YamlFile["place"];
}

/** Reads the text of a file of this kind; an empty text means all defaults. */
export function readConfig<T>(
  kind: FileKind<T>,
  file: string,
  text: string,
  sources: Sources,
): ConfigFile<T> {
  const yaml = readYaml(file, text);
  const { place } = yaml;
  if (yaml.problems.length > 0) return { file, value: undefined, problems: yaml.problems, place };
  const problems: Problem[] = [];
  const report = (
    severity: Problem["severity"],
    path: Path,
    of: "key" | "value",
    { message, fix, offset }: Flaw,
  ) =>
    problems.push({
      severity,
      blocking: severity === "error",
      file,
      path,
      message,
      fix,
      ...place(path, of, offset),
    });

  const filled = new Set<string>();
  const data = fillIn(kind, yaml.value ?? {}, sources, {
    filled: (path) => filled.add(pathText(path)),
    flawed: (path, flaw, exact) =>
      report("error", path, "value", {
        ...flaw,
        message: `${pathText(path)}: ${flaw.message}`,
        offset: exact ? offsetInSource(yaml, text, path, flaw.offset) : 0,
      }),
  });
  const parsed = parse(kind, kind.dropNulls === true ? withoutNulls(data) : data, filled);
  // A value that could not be filled in has been reported; what the schema says of it is noise.
  const told = new Set(problems.map(({ path }) => pathText(path)));
  for (const { path, of, message, fix } of parsed.findings) {
    if (!told.has(pathText(path))) report("error", path, of, { message, fix, offset: 0 });
  }
  for (const path of unusedPaths(kind, data)) {
    report("warning", path, "key", {
      message: `${pathText(path)}: not used by this version`,
      fix: "Remove it, or leave it for later",
      offset: 0,
    });
  }
  const broken = problems.some(({ severity }) => severity === "error");
  return { file, value: broken ? undefined : parsed.value, problems, place };
}

/** Parses; text that came from a placeholder becomes a number or boolean where one is wanted. */
function parse<T>(
  { schema }: FileKind<T>,
  data: unknown,
  filled: ReadonlySet<string>,
): { value?: T; findings: Finding[] } {
  const first = schema.safeParse(data);
  if (first.success) return { value: first.data, findings: [] };
  let json: Record<string, unknown> | undefined;
  const knownKeys = (path: Path) =>
    keysInSchema(json ??= z.toJSONSchema(schema, { io: "input" }), path);
  const found = findings(first.error.issues, data, knownKeys);
  const typed = structuredClone(data);
  let changed = false;
  for (const { path, expected } of found) {
    const parent = at(typed, path.slice(0, -1));
    const [key, text] = [path.at(-1), at(typed, path)];
    if (!filled.has(pathText(path)) || typeof text !== "string" || key === undefined) continue;
    const value = typedValue(text, expected);
    if (value === undefined || typeof parent !== "object" || parent === null) continue;
    (parent as Record<string | number, unknown>)[key] = value;
    changed = true;
  }
  if (!changed) return { findings: found };
  const second = schema.safeParse(typed);
  return second.success
    ? { value: second.data, findings: [] }
    : { findings: findings(second.error.issues, typed, knownKeys) };
}

function typedValue(text: string, expected: string | undefined): number | boolean | undefined {
  if (expected === "number" || expected === "int") {
    return /^-?\d{1,15}(\.\d{1,15})?$/.test(text) ? Number(text) : undefined;
  }
  if (expected === "boolean" && (text === "true" || text === "false")) return text === "true";
  return undefined;
}

interface FillEvents {
  filled(path: Path): void;
  /** `exact`: whether the flaw's offset counts within the value as written. */
  flawed(path: Path, flaw: Flaw, exact: boolean): void;
}

/** A copy of `data` with every placeholder outside templates filled in. Keys stay as they are. */
function fillIn(kind: FileKind, data: unknown, sources: Sources, events: FillEvents): unknown {
  const visit = (value: unknown, path: Path): unknown => {
    if (Array.isArray(value)) return value.map((item, i) => visit(item, [...path, i]));
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, item]) => [key, visit(item, [...path, key])]),
      );
    }
    if (typeof value !== "string" || !value.includes("${")) return value;
    if (kind.templates.some((pattern) => pathMatches(pattern, path))) return value;
    const pieces = scan(value);
    const result = pieces.ok ? fill(pieces.value, sources) : pieces;
    if (!result.ok) {
      events.flawed(path, result.flaw, true);
      return value;
    }
    events.filled(path);
    return result.value;
  };
  return visit(data, []);
}

/** The flaw's offset in the source, when the value stands there as it is; else its beginning. */
function offsetInSource(yaml: YamlFile, text: string, path: Path, offset: number): number {
  const value = at(yaml.value, path);
  if (typeof value !== "string") return 0;
  const { line, column } = yaml.place(path, "value");
  const source = text.split("\n", line)[line - 1]?.slice(column - 1) ?? "";
  if (source.startsWith(value)) return offset;
  return source.slice(1).startsWith(value) ? offset + 1 : 0;
}

function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) =>
      item === null ? [] : [[key, withoutNulls(item)]]
    ),
  );
}

function* unusedPaths(kind: FileKind, data: unknown): Generator<Path> {
  for (const { under, keys } of kind.unused) {
    for (const path of expandPattern(under, data)) {
      for (const key of keys) {
        if (at(data, [...path, key]) !== undefined) yield [...path, key];
      }
    }
  }
}
