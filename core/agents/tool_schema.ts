/**
 * Checks a tool's arguments against the JSON Schema its microapp declared.
 *
 * @module
 */
import { Ajv, type ValidateFunction } from "ajv";
import { messageOf } from "../contract/mod.ts";

/** Longest schema that is compiled, in characters of JSON. */
const MAX_SCHEMA_CHARS = 64 * 1024;

/** Says what is wrong with the arguments, or undefined when they fit. */
export type SchemaCheck = (
  schema: Readonly<Record<string, unknown>>,
  args: unknown,
) => string | undefined;

/** Returns a check that compiles each schema once. A schema that does not compile refuses every call. */
export function createSchemaCheck(): SchemaCheck {
  const compiled = new WeakMap<object, ValidateFunction | string>();

  function compile(schema: Readonly<Record<string, unknown>>): ValidateFunction | string {
    if (JSON.stringify(schema).length > MAX_SCHEMA_CHARS) {
      return `the tool's schema is over ${MAX_SCHEMA_CHARS} characters`;
    }
    try {
      // A fresh instance each: schemas of different microapps may share an $id.
      const ajv = new Ajv({
        strict: false,
        allErrors: true,
        validateFormats: false,
        logger: false,
      });
      return ajv.compile(schema);
    } catch (error) {
      return `the tool's schema is not valid: ${messageOf(error)}`;
    }
  }

  return function check(schema, args) {
    const known = compiled.get(schema);
    const validate = known ?? compile(schema);
    if (known === undefined) compiled.set(schema, validate);
    if (typeof validate === "string") return validate;
    if (validate(args)) return undefined;
    return (validate.errors ?? [])
      .map(({ instancePath, message }) =>
        `${instancePath === "" ? "arguments" : instancePath} ${message}`
      )
      .join("; ");
  };
}
