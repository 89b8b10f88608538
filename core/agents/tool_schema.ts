/**
 * Checks a tool's arguments against the JSON Schema its microapp declared.
 *
 * Schemas are strangers' programs: a pattern may backtrack for ever, references may multiply. What is not
 * short by its looks runs under a limit.
 *
 * @module
 */
import { Ajv, type ErrorObject, type Options, type ValidateFunction } from "ajv";
import { Ajv2019 } from "ajv/dist/2019.js";
import { Ajv2020 } from "ajv/dist/2020.js";
import { messageOf } from "../contract/mod.ts";
import { createInterruptible, TookTooLong } from "../flow/interruptible.ts";

/** Longest schema that is compiled, in characters of JSON. */
const MAX_SCHEMA_CHARS = 64 * 1024;
/** How long compiling a schema and one check against it may take, in milliseconds. */
const TIMES = { compileMs: 2_000, checkMs: 200 };
/** Checks that took too long before the schema is given up. */
const MAX_LATE = 3;

/** Says what is wrong with the arguments, or undefined when they fit. */
export type SchemaCheck = (
  schema: Readonly<Record<string, unknown>>,
  args: unknown,
) => string | undefined;

interface Compiled {
  readonly validate: ValidateFunction;
  /** Whether it and its checks are short whatever the arguments are. */
  readonly isShort: boolean;
  late: number;
}

/** Returns a check that compiles each schema once. A schema that does not compile refuses every call. */
export function createSchemaCheck({ compileMs, checkMs } = TIMES): SchemaCheck {
  const compiled = new WeakMap<object, Compiled | string>();
  const interruptible = createInterruptible();

  function compile(schema: Readonly<Record<string, unknown>>): Compiled | string {
    if (JSON.stringify(schema).length > MAX_SCHEMA_CHARS) {
      return `the tool's schema is over ${MAX_SCHEMA_CHARS} characters`;
    }
    try {
      const { $schema: dialect, ...rest } = schema;
      // A fresh instance each: schemas of different microapps may share an $id.
      const ajv = createAjv(dialect);
      const short = isShort(schema);
      // A limit counts time that a busy machine does not give: what needs none is never late.
      const validate = short
        ? ajv.compile(rest)
        : interruptible(() => ajv.compile(rest), compileMs);
      return { validate, isShort: short, late: 0 };
    } catch (error) {
      return `the tool's schema is not valid: ${messageOf(error)}`;
    }
  }

  function run(known: Compiled, args: unknown): boolean | string {
    const { validate, isShort: short } = known;
    if (short) return validate(args);
    if (known.late >= MAX_LATE) return "the tool's schema takes too long to check";
    try {
      return interruptible(() => validate(args), checkMs);
    } catch (error) {
      if (!(error instanceof TookTooLong)) {
        return `the tool's schema cannot be checked: ${messageOf(error)}`;
      }
      known.late += 1;
      return "they take too long to check against the tool's schema";
    }
  }

  return function check(schema, args) {
    const found = compiled.get(schema);
    const known = found ?? compile(schema);
    if (found === undefined) compiled.set(schema, known);
    if (typeof known === "string") return known;
    const verdict = run(known, args);
    if (typeof verdict === "string") return verdict;
    if (verdict) return undefined;
    return (known.validate.errors ?? []).map(wordsOf).join("; ");
  };
}

const AJV_OPTIONS: Options = {
  strict: false,
  allErrors: true,
  validateFormats: false,
  logger: false,
  // Copied in at each of many places, one definition would become hundreds of megabytes of code.
  inlineRefs: false,
};

/** Reads a schema in the dialect it names; one of before draft 7, or none that is known, as draft 7. */
function createAjv(dialect: unknown): Ajv | Ajv2019 | Ajv2020 {
  const name = typeof dialect === "string" ? dialect : "";
  if (name.includes("/2020-12/")) return new Ajv2020(AJV_OPTIONS);
  return name.includes("/2019-09/") ? new Ajv2019(AJV_OPTIONS) : new Ajv(AJV_OPTIONS);
}

function wordsOf({ instancePath, message, params }: ErrorObject): string {
  const { additionalProperty: extra } = params as { readonly additionalProperty?: string };
  const which = extra === undefined ? "" : `: "${extra.slice(0, 64)}" is not known`;
  return `${instancePath === "" ? "arguments" : instancePath} ${message}${which}`;
}

/** Keywords whose cost is not bounded by the size of schema and arguments. */
const COSTLY = [
  "$ref",
  "$dynamicRef",
  "$recursiveRef",
  "pattern",
  "patternProperties",
  "uniqueItems",
];
/** Parts of a schema that is short; each may meet each value of the arguments once. */
const MAX_PARTS = 256;

function isShort(schema: unknown): boolean {
  let parts = 0;
  const open: unknown[] = [schema];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (typeof part !== "object" || part === null) continue;
    parts += 1;
    if (parts > MAX_PARTS || COSTLY.some((keyword) => keyword in part)) return false;
    open.push(...Object.values(part));
  }
  return true;
}
