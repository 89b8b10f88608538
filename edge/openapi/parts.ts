/**
 * The pieces that the paths of `/openapi.json` are put together from.
 *
 * @module
 */
import { type JsonSchema, ref } from "./schemas.ts";

/** An operation; what else it has comes with `rest`. */
export function operation(operationId: string, summary: string, rest: JsonSchema): JsonSchema {
  return { operationId, summary, ...rest };
}

/** A body of JSON. */
export function json(schema: JsonSchema): JsonSchema {
  return { "application/json": { schema } };
}

/** An answer of JSON. */
export function answer(description: string, schema: JsonSchema): JsonSchema {
  return { description, content: json(schema) };
}

const PROBLEMS: Readonly<Record<number, string>> = {
  400: "The request is malformed",
  401: "The caller is not known",
  403: "The caller may not",
  404: "Nothing is here",
  405: "Another method is answered here",
  408: "The body did not arrive in time",
  413: "The body is too large",
  422: "The content cannot be taken",
  426: "This is a WebSocket",
  429: "Too many; Retry-After says when again",
  500: "A defect of this program",
  503: "Not possible now; Retry-After says when again",
};

/** Refusals, by status. */
export function problems(...statuses: readonly number[]): Record<number, JsonSchema> {
  return Object.fromEntries(
    statuses.map((status) => [status, answer(PROBLEMS[status] ?? "Refused", ref("Problem"))]),
  );
}

/** A part of the path. */
export function pathParameter(name: string, description: string): JsonSchema {
  return { name, in: "path", required: true, description, schema: { type: "string" } };
}

/** A parameter of the query, which may be left out. */
export function queryParameter(name: string, description: string, schema: JsonSchema): JsonSchema {
  return { name, in: "query", description, schema };
}
