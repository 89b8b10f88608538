/**
 * Whether what a tool declares of its arguments can be a JSON Schema at all.
 *
 * A provider refuses a whole question for one wrong schema in it, and with it every turn of every agent
 * that is shown the tool. So a wrong one stops here, where its author can be told. What is judged is the
 * shape alone: cheap, also for schemas made to be dear.
 *
 * @module
 */
import { isObject, type JsonObject } from "./json.ts";

const TYPES = ["array", "boolean", "integer", "null", "number", "object", "string"];
/** Keywords whose value is one schema. */
const ONE = ["additionalProperties", "contains", "else", "if", "not", "propertyNames", "then"];
/** Keywords whose value is a list of schemas. */
const LISTS = ["allOf", "anyOf", "oneOf", "prefixItems"];
/** Keywords whose value is a map of schemas by name. */
const MAPS = ["$defs", "definitions", "patternProperties", "properties"];

interface Place {
  readonly schema: unknown;
  readonly path: string;
}

/** What is wrong with a schema of arguments, with its place; undefined when nothing is. */
export function schemaFlaw(root: JsonObject): string | undefined {
  if (root["type"] !== undefined && root["type"] !== "object") {
    return `arguments are an object, not of type ${shown(root["type"])}`;
  }
  const open: Place[] = [{ schema: root, path: "" }];
  for (let place = open.pop(); place !== undefined; place = open.pop()) {
    const { schema, path } = place;
    if (typeof schema === "boolean") continue;
    if (!isObject(schema)) return `${path} must be a schema, not ${shown(schema)}`;
    const flaw = ownFlaw(schema, path);
    if (flaw !== undefined) return flaw;
    open.push(...partsOf(schema, path));
  }
  return undefined;
}

function ownFlaw(schema: JsonObject, path: string): string | undefined {
  const { type, required, enum: values } = schema;
  const types: readonly unknown[] = type === undefined ? [] : Array.isArray(type) ? type : [type];
  const unknown = types.find((name) => !TYPES.includes(name as string));
  if (unknown !== undefined) return `${path}/type names ${shown(unknown)}, which is no type`;
  if (required !== undefined && !isListOfTexts(required)) {
    return `${path}/required must be a list of names`;
  }
  if (values !== undefined && !Array.isArray(values)) return `${path}/enum must be a list`;
  const list = LISTS.find((key) => schema[key] !== undefined && !Array.isArray(schema[key]));
  if (list !== undefined) return `${path}/${list} must be a list of schemas`;
  const map = MAPS.find((key) => schema[key] !== undefined && !isObject(schema[key]));
  return map === undefined ? undefined : `${path}/${map} must be a map of schemas`;
}

function partsOf(schema: JsonObject, path: string): Place[] {
  const items = schema["items"];
  const parts = (found: unknown, at: string): Place[] =>
    Object.entries(found ?? {}).map(([key, part]) => ({ schema: part, path: `${at}/${key}` }));
  return [
    ...ONE.flatMap((key) =>
      schema[key] === undefined ? [] : [{ schema: schema[key], path: `${path}/${key}` }]
    ),
    ...[...LISTS, ...MAPS].flatMap((key) => parts(schema[key], `${path}/${key}`)),
    ...(Array.isArray(items)
      ? parts(items, `${path}/items`)
      : items === undefined
      ? []
      : [{ schema: items, path: `${path}/items` }]),
  ];
}

function isListOfTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((each) => typeof each === "string");
}

function shown(value: unknown): string {
  return (JSON.stringify(value) ?? "undefined").slice(0, 64);
}
