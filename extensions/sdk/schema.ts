/**
 * Schemas of any library: what they check, and what they tell a model.
 *
 * @module
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";

/** A schema of zod, valibot, arktype or any other library that keeps to Standard Schema. */
export type AnySchema = StandardSchemaV1;

/** A JSON Schema, written by hand. */
export interface JsonSchema {
  readonly [key: string]: unknown;
  readonly "~standard"?: never;
}

/** What a value is once `S` has checked it. */
export type Checked<S> = S extends StandardSchemaV1 ? StandardSchemaV1.InferOutput<S>
  : Readonly<Record<string, unknown>>;

/** Whether this is a library's schema rather than JSON. */
export function isLibrarySchema(schema: AnySchema | JsonSchema): schema is AnySchema {
  return "~standard" in schema && typeof schema["~standard"]?.validate === "function";
}

/** A value that passed, or what is wrong with it in one line. */
export type Check<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problem: string };

/** Checks a value. */
export async function check<S extends AnySchema>(
  schema: S,
  value: unknown,
): Promise<Check<StandardSchemaV1.InferOutput<S>>> {
  const result = await schema["~standard"].validate(value);
  return result.issues === undefined
    ? { ok: true, value: result.value }
    : { ok: false, problem: result.issues.map(describe).join("; ") };
}

function describe({ path = [], message }: StandardSchemaV1.Issue): string {
  const place = path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
  return place === "" ? message : `${place}: ${message}`;
}

/**
 * What a schema says as JSON Schema (draft 7); undefined when its library does not tell.
 *
 * @throws what the library throws for a schema that has no form in JSON
 */
export function jsonSchemaOf(schema: AnySchema): JsonSchema | undefined {
  const standard: StandardSchemaV1["~standard"] & Partial<StandardJSONSchemaV1["~standard"]> =
    schema["~standard"];
  const told = standard.jsonSchema?.input({ target: "draft-07" });
  if (told === undefined) return undefined;
  const { $schema: _, ...rest } = told;
  return rest;
}
