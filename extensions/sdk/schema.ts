/**
 * Schemas of any library: what they check, and what they tell a model.
 *
 * @module
 */

/** What is wrong with one place of a value. */
export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** How a value fared. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/**
 * A schema of zod, valibot, arktype or any other library that keeps to Standard Schema v1
 * (https://standardschema.dev), as far as it is used here.
 */
export interface AnySchema<Input = unknown, Output = Input> {
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (
      value: unknown,
    ) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** A schema that can say itself as JSON Schema. */
interface DescribedSchema {
  readonly "~standard": {
    readonly jsonSchema: {
      readonly input: (options: { readonly target: string }) => Readonly<Record<string, unknown>>;
    };
  };
}

/** A JSON Schema, written by hand. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly "~standard"?: never;
}

/** What a value is once `S` has checked it. */
export type Checked<S> = S extends AnySchema<infer _Input, infer Output> ? Output
  : Readonly<Record<string, unknown>>;

/** Whether this is a library's schema rather than JSON. */
export function isLibrarySchema(schema: AnySchema | JsonSchema): schema is AnySchema {
  return "~standard" in schema && typeof schema["~standard"]?.validate === "function";
}

/** A value that passed, or what is wrong with it in one line. */
export type Check<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Checks a value: at once, unless the schema takes its time. */
export function check<S extends AnySchema>(
  schema: S,
  value: unknown,
): Check<Checked<S>> | Promise<Check<Checked<S>>> {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(read<S>) : read<S>(result);
}

function read<S extends AnySchema>(result: SchemaResult<unknown>): Check<Checked<S>> {
  return result.issues === undefined
    ? { ok: true, value: result.value as Checked<S> }
    : { ok: false, problem: result.issues.map(describe).join("; ") };
}

function describe({ path = [], message }: SchemaIssue): string {
  const place = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return place === "" ? message : `${place}: ${message}`;
}

/**
 * What a schema says as JSON Schema (draft 7); undefined when its library does not tell.
 *
 * @throws what the library throws for a schema that has no form in JSON
 */
export function jsonSchemaOf(schema: AnySchema): JsonSchema | undefined {
  const standard: AnySchema["~standard"] & Partial<DescribedSchema["~standard"]> =
    schema["~standard"];
  const told = standard.jsonSchema?.input({ target: "draft-07" });
  if (told === undefined) return undefined;
  const { $schema: _, ...rest } = told;
  return rest;
}
