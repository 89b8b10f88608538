/**
 * Schemas and rows as Markdown.
 *
 * @module
 */

/** A JSON Schema, as zod writes it. */
export interface JsonSchema {
  readonly [key: string]: unknown;
}

const MADE =
  "Made from the sources by `npx vitest run test/unit/docs/reference.test.ts -u`; edit those.";

/** A page with its parts below a title. */
export function page(title: string, intro: string, parts: readonly string[]): string {
  return `# ${title}\n\n${intro}\n\n${parts.join("\n\n")}\n\n${MADE}\n`;
}

/** A table; cells are Markdown. */
export function table(titles: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(titles), `|${titles.map(() => "---").join("|")}|`, ...rows.map(line)].join("\n");
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ").trim();
}

/** A type in a few characters: `string`, `int ≥ 0`, `"a" \| "b"`, `string[]`. */
export function typeText(given: JsonSchema, all: JsonSchema = given): string {
  if (isAnyJson(given)) return "JSON";
  const schema = resolved(given, all);
  const { anyOf, oneOf, allOf, enum: values, const: only } = schema;
  if (only !== undefined) return JSON.stringify(only);
  if (Array.isArray(values)) return values.map((value) => JSON.stringify(value)).join(" | ");
  for (const options of [anyOf, oneOf]) {
    if (!Array.isArray(options)) continue;
    const some = (options as JsonSchema[]).filter(({ type }) => type !== "null");
    return [...new Set(some.map((one) => typeText(one, all)))].join(" | ");
  }
  if (Array.isArray(allOf)) return allOf.map((one) => typeText(one as JsonSchema, all)).join(" & ");
  const types = [schema["type"]].flat().filter((type) => type !== "null").map(String);
  const [type = "any"] = types;
  if (type === "array") {
    return `${bracketed(typeText((schema["items"] ?? {}) as JsonSchema, all))}[]`;
  }
  if (type === "object" && schema["properties"] === undefined) {
    const values = schema["additionalProperties"];
    return typeof values === "object" && values !== null && Object.keys(values).length > 0
      ? `{ <name>: ${typeText(values as JsonSchema, all)} }`
      : "object";
  }
  if (type === "integer" || type === "number") {
    return `${type === "integer" ? "int" : type}${range(schema)}`;
  }
  return type === "undefined" ? "any" : type;
}

const bracketed = (text: string): string => text.includes(" | ") ? `(${text})` : text;

function range({ minimum, exclusiveMinimum, maximum }: JsonSchema): string {
  const low = typeof exclusiveMinimum === "number" && exclusiveMinimum > -9e15
    ? ` > ${exclusiveMinimum}`
    : typeof minimum === "number" && minimum > -9e15
    ? ` ≥ ${minimum}`
    : "";
  return low + (typeof maximum === "number" && maximum < 9e15 ? ` ≤ ${maximum}` : "");
}

/** The one schema that holds itself is that of any JSON. */
function isAnyJson({ $ref }: JsonSchema): boolean {
  return typeof $ref === "string" && ($ref === "#" || $ref.includes("__schema"));
}

function resolved(schema: JsonSchema, all: JsonSchema): JsonSchema {
  const { $ref } = schema;
  if (typeof $ref !== "string") return schema;
  let at: unknown = all;
  for (const part of $ref.replace(/^#\/?/, "").split("/").filter((one) => one !== "")) {
    at = (at as JsonSchema)[part];
  }
  return at as JsonSchema;
}

/** A member of an object, by its path: `agents[].model.provider`. */
export interface Member {
  readonly path: string;
  readonly type: string;
  /** Empty when there is none. */
  readonly fallback: string;
  readonly isRequired: boolean;
}

/** All members below a schema, in order. */
export function membersOf(
  given: JsonSchema,
  { all = given, prefix = "", depth = 0 }: { all?: JsonSchema; prefix?: string; depth?: number } =
    {},
): Member[] {
  const schema = resolved(given, all);
  if (depth > 8 || isAnyJson(given)) return [];
  const options = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(options)) {
    const seen = new Set<string>();
    return options.flatMap((one) => membersOf(one as JsonSchema, { all, prefix, depth: depth + 1 }))
      .filter(({ path }) => !seen.has(path) && seen.add(path));
  }
  const below = (name: string, child: JsonSchema): Member[] =>
    membersOf(child, { all, prefix: name, depth: depth + 1 });
  if ([schema["type"]].flat().includes("array")) {
    return below(`${prefix}[]`, (schema["items"] ?? {}) as JsonSchema);
  }
  const required = new Set((schema["required"] ?? []) as string[]);
  const properties = Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>);
  const { additionalProperties: others } = schema;
  const named = properties.flatMap(([name, child]): Member[] => {
    const path = prefix === "" ? name : `${prefix}.${name}`;
    const type = typeText(child, all);
    const children = below(path, child);
    const fallback = resolved(child, all)["default"];
    return [
      {
        path,
        type: children.length > 0 && type === "object" ? "block" : type,
        fallback: fallback === undefined ? "" : JSON.stringify(fallback),
        isRequired: required.has(name),
      },
      ...children,
    ];
  });
  if (typeof others !== "object" || others === null) return named;
  return [...named, ...below(`${prefix === "" ? "" : `${prefix}.`}<name>`, others as JsonSchema)];
}
