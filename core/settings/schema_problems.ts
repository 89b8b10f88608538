/**
 * What a schema found wrong, in the words of the file.
 *
 * @module
 */
import type { z } from "zod";
import { closest, pathText } from "./problems.ts";

type Issue = z.core.$ZodIssue;
type Path = (string | number)[];

/** The most keys of a map that a fix names. */
const MAX_NAMED_KEYS = 8;

/** One finding: where, what, and the fix. `of` says whether the key or its value is meant. */
export interface Finding {
  readonly path: Path;
  readonly of: "key" | "value";
  readonly message: string;
  readonly fix: string;
  /** Set when a value of this type was wanted. */
  readonly expected?: string;
}

/**
 * Findings of one failed parse of `value`.
 *
 * `knownKeys` gives the keys a map may hold, for suggestions.
 */
export function findings(
  issues: readonly Issue[],
  value: unknown,
  knownKeys: (path: readonly (string | number)[]) => readonly string[],
): Finding[] {
  return flatten(issues, []).flatMap((issue) => {
    const path = issue.path as Path;
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => unknownKey(path, key, knownKeys(path)));
    }
    const found = at(value, path);
    const { message, fix } = wordsOf(issue, found);
    const where = pathText(path) || "the file";
    const expected = issue.code === "invalid_type" ? { expected: issue.expected } : {};
    const keys = found !== undefined && wantsMap(issue) ? knownKeys(path) : [];
    return [{
      path,
      of: "value",
      message: `${where}: ${message}`,
      fix: keys.length === 0 || keys.length > MAX_NAMED_KEYS
        ? fix
        : `Write a map here, of ${keys.join(", ")}`,
      ...expected,
    }];
  });
}

/** What stands at `path` of plain data. */
export function at(value: unknown, path: readonly (string | number)[]): unknown {
  let found = value;
  for (const part of path) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, part)) {
      return undefined;
    }
    found = (found as Record<string | number, unknown>)[part];
  }
  return found;
}

function unknownKey(path: Path, key: string, known: readonly string[]): Finding {
  const meant = closest(key, known);
  const where = path.length === 0 ? "the file" : pathText(path);
  const fix = meant !== undefined
    ? `Did you mean "${meant}"?`
    : known.length > 0
    ? `Remove it; known here: ${known.join(", ")}`
    : "Remove it";
  return { path: [...path, key], of: "key", message: `${where}: unknown key "${key}"`, fix };
}

function wantsMap(issue: Issue): boolean {
  return issue.code === "invalid_type" && ["object", "record"].includes(issue.expected);
}

/** Issues without unions: of each union, the branch the writer most likely meant. */
function flatten(issues: readonly Issue[], prefix: PropertyKey[]): Issue[] {
  return issues.flatMap((issue) => {
    const path = [...prefix, ...issue.path];
    if (issue.code !== "invalid_union" || issue.errors.length === 0) return [{ ...issue, path }];
    const wrongType = (branch: readonly Issue[]) =>
      branch.some(({ code, path: inner }) => code === "invalid_type" && inner.length === 0);
    if (mixesBranches(issue.errors) && !isOfZod(issue.message)) {
      return [{ code: "custom", path, message: issue.message }];
    }
    const meant = issue.errors.find((branch) => !wrongType(branch));
    if (meant !== undefined) return flatten(meant, path);
    const wanted = issue.errors.flat().flatMap((inner) =>
      inner.code === "invalid_type" ? [typeName(inner.expected)] : []
    );
    return [{ code: "custom", path, message: `must be ${[...new Set(wanted)].join(" or ")}` }];
  });
}

/** Whether each branch refuses a key that another knows: the writer mixed them, and misspelled none. */
function mixesBranches(branches: readonly (readonly Issue[])[]): boolean {
  const refused = branches.map((branch) =>
    branch.flatMap((issue) =>
      issue.code === "unrecognized_keys" && issue.path.length === 0 ? issue.keys : []
    )
  );
  const [first = []] = refused;
  return refused.every((keys) => keys.length > 0) &&
    !first.some((key) => refused.every((keys) => keys.includes(key)));
}

/** Whether a message is the library's, and not one a schema of ours says itself. */
function isOfZod(message: string): boolean {
  return /^(Invalid|Too|Unrecognized|Expected)\b/.test(message);
}

function wordsOf(issue: Issue, value: unknown): { message: string; fix: string } {
  const key = issue.path.at(-1);
  const own = isOfZod(issue.message) ? undefined : issue.message;
  if (value === undefined && issue.code !== "custom") {
    return { message: "is required", fix: `Add "${String(key ?? "agents")}"` };
  }
  switch (issue.code) {
    case "invalid_type":
      return {
        message: own ?? `must be ${typeName(issue.expected)}, not ${kindOf(value)}`,
        fix: issue.expected === "string" && typeof value !== "object"
          ? "Put it in quotes"
          : `Write ${typeName(issue.expected)} here`,
      };
    case "invalid_value": {
      const names = issue.values.map(String);
      const meant = typeof value === "string" ? closest(value, names) : undefined;
      return {
        message: own ?? `must be ${names.length === 1 ? "" : "one of "}${names.join(", ")}`,
        fix: meant === undefined ? `Write ${names.join(" or ")}` : `Did you mean "${meant}"?`,
      };
    }
    case "too_small":
      return limitWords("at least", issue.minimum, issue.origin, own);
    case "too_big":
      return limitWords("at most", issue.maximum, issue.origin, own);
    case "invalid_key":
      return {
        message: `the key ${issue.issues[0]?.message ?? "is not valid"}`,
        fix: "Rename the key",
      };
    case "custom": {
      const fix: unknown = issue.params?.["fix"];
      return { message: own ?? "is not valid", fix: typeof fix === "string" ? fix : "Change it" };
    }
    case "invalid_element":
    case "invalid_format":
    case "invalid_union":
    case "not_multiple_of":
    case "unrecognized_keys":
      return { message: own ?? "is not valid", fix: "Change it to that form" };
  }
}

function limitWords(
  word: "at least" | "at most",
  limit: number | bigint,
  origin: string,
  own: string | undefined,
): { message: string; fix: string } {
  const unit = origin === "string" ? " characters long" : origin === "array" ? " items long" : "";
  return {
    message: own ?? `must be ${word} ${limit}${unit}`,
    fix: own === undefined ? `Write ${word} ${limit}${unit}` : "Fill it in",
  };
}

function typeName(expected: string): string {
  switch (expected) {
    case "int":
      return "a whole number";
    case "number":
      return "a number";
    case "string":
      return "text";
    case "boolean":
      return "true or false";
    case "array":
      return "a list";
    case "object":
    case "record":
      return "a map";
    default:
      return expected;
  }
}

function kindOf(value: unknown): string {
  if (value === null) return "empty";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "number") return Number.isInteger(value) ? "a number" : "a fraction";
  return typeName(typeof value);
}

/** The keys JSON Schema `root` allows in the map at `path`. */
export function keysInSchema(
  root: Record<string, unknown>,
  path: readonly (string | number)[],
): string[] {
  let schemas = [root];
  for (const part of path) {
    schemas = schemas.flatMap(branches).flatMap((schema) => {
      const properties = asObject(schema["properties"]);
      const next = typeof part === "number"
        ? schema["items"]
        : properties !== undefined && Object.hasOwn(properties, part)
        ? properties[part]
        : schema["additionalProperties"];
      const found = asObject(next);
      return found === undefined ? [] : [found];
    });
  }
  return [
    ...new Set(
      schemas.flatMap(branches).flatMap((schema) =>
        Object.entries(asObject(schema["properties"]) ?? {}).flatMap(([key, property]) =>
          asObject(property)?.["description"] === UNUSED_DESCRIPTION ? [] : [key]
        )
      ),
    ),
  ];
}

const UNUSED_DESCRIPTION = "Accepted; not used by this version";

function branches(schema: Record<string, unknown>): Record<string, unknown>[] {
  const anyOf = schema["anyOf"];
  if (!Array.isArray(anyOf)) return [schema];
  return anyOf.flatMap((branch: unknown) => {
    const found = asObject(branch);
    return found === undefined ? [] : branches(found);
  });
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as Record<string, unknown>
    : undefined;
}
