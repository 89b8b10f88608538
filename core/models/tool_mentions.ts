/**
 * Finds tools that a text names, with the arguments it gives them.
 *
 * @module
 */
import type { ModelTool } from "./model.ts";

/** A tool named in a text. */
export interface ToolMention {
  readonly tool: ModelTool;
  readonly arguments: Record<string, unknown>;
}

interface Found {
  readonly tool: ModelTool;
  readonly given: Record<string, unknown>;
  readonly startsAt: number;
  readonly endsAt: number;
}

interface Name {
  readonly name: string;
  readonly tool: ModelTool;
}

const wordEnd = /[\p{L}\p{N}_-]$/u;
const wordStart = /^[\p{L}\p{N}_-]/u;
const beforeObject = /[\s:`(]*/y;

/**
 * Each tool `text` names as a whole word, once, in order of appearance; where two names fit, the longer.
 *
 * A JSON object behind the name is its arguments. Required string properties it lacks are taken from
 * the words up to the next tool, or, when there are none, from those before.
 */
export function toolMentions(text: string, tools: readonly ModelTool[]): ToolMention[] {
  const all = findNames(text, tools);
  return all.map(({ tool, given, startsAt, endsAt }, i) => {
    const behind = tidy(text.slice(endsAt, all[i + 1]?.startsAt));
    const words = behind || tidy(text.slice(all[i - 1]?.endsAt ?? 0, startsAt)) || text.trim();
    return { tool, arguments: { ...filledFrom(words, tool.inputSchema, given), ...given } };
  });
}

function findNames(text: string, tools: readonly ModelTool[]): Found[] {
  const names: Name[] = [];
  for (const tool of tools) {
    for (const name of [tool.name, tool.ownName]) {
      if (name !== "" && text.includes(name)) names.push({ name, tool });
    }
  }
  if (names.length === 0) return [];
  names.sort((a, b) => b.name.length - a.name.length);

  const found: Found[] = [];
  let at = 0;
  while (at < text.length) {
    const hit = nameAt(text, at, names);
    const startsAt = at;
    at += hit?.name.length ?? 1;
    // A tool named again is only a word: reading its object each time could cost the square of the text.
    if (hit === undefined || found.some(({ tool }) => tool === hit.tool)) continue;
    const object = readObject(text, at);
    at = object?.endsAt ?? at;
    found.push({ tool: hit.tool, given: object?.value ?? {}, startsAt, endsAt: at });
  }
  return found;
}

function nameAt(text: string, at: number, names: readonly Name[]): Name | undefined {
  for (const one of names) {
    const { name } = one;
    if (!text.startsWith(name, at)) continue;
    if (startsWord(text, at) && endsWord(text, at + name.length)) return one;
  }
  return undefined;
}

// Two code units on either side, for letters beyond the basic plane.
const startsWord = (text: string, at: number): boolean =>
  !wordEnd.test(text.slice(Math.max(0, at - 2), at));
const endsWord = (text: string, at: number): boolean => !wordStart.test(text.slice(at, at + 2));

/** The JSON object at or shortly behind `from`; braces inside strings do not count. */
function readObject(
  text: string,
  from: number,
): { value: Record<string, unknown>; endsAt: number } | undefined {
  beforeObject.lastIndex = from;
  beforeObject.exec(text);
  const startsAt = beforeObject.lastIndex;
  if (text[startsAt] !== "{") return undefined;
  const endsAt = objectEnd(text, startsAt);
  if (endsAt === undefined) return undefined;
  try {
    return { value: JSON.parse(text.slice(startsAt, endsAt)) as Record<string, unknown>, endsAt };
  } catch {
    return undefined;
  }
}

function objectEnd(text: string, startsAt: number): number | undefined {
  let depth = 0;
  let quoted = false;
  for (let i = startsAt; i < text.length; i++) {
    const char = text[i];
    if (quoted) {
      if (char === "\\") i += 1;
      else if (char === '"') quoted = false;
    } else if (char === '"') quoted = true;
    else if (char === "{" || char === "[") depth += 1;
    else if ((char === "}" || char === "]") && --depth === 0) return i + 1;
  }
  return undefined;
}

const tidy = (words: string): string => words.replace(/^[\s:,;.`)]+/, "").trim();

/** Values for the required string properties `given` lacks: one word each, the rest for the last. */
function filledFrom(
  words: string,
  schema: unknown,
  given: Record<string, unknown>,
): Record<string, unknown> {
  const missing = requiredStrings(schema).filter(({ name }) => !Object.hasOwn(given, name));
  const parts = words.split(/\s+/);
  const free = missing.filter(({ choices }) => choices.length === 0);
  const filled = missing.map(({ name, choices }): [string, string] => {
    const choice = choices.find((choice) => parts.includes(choice)) ?? choices[0];
    if (choice !== undefined) return [name, choice];
    if (parts.length < free.length) return [name, words];
    const i = free.findIndex((property) => property.name === name);
    const last = i === free.length - 1;
    return [name, last ? lastOf(words, i) : parts[i] ?? words];
  });
  return Object.fromEntries(filled);
}

/** What follows the first `count` words, line breaks and all. */
function lastOf(words: string, count: number): string {
  let rest = words;
  for (let i = 0; i < count; i++) rest = rest.replace(/^\S+\s+/, "");
  return rest;
}

function requiredStrings(schema: unknown): { name: string; choices: string[] }[] {
  const required = own(schema, "required");
  if (!Array.isArray(required)) return [];
  const properties = own(schema, "properties");
  return required.filter((name) => typeof name === "string").flatMap((name) => {
    const property = own(properties, name);
    const type = own(property, "type");
    if (type !== "string" && !(Array.isArray(type) && type.includes("string"))) return [];
    const values = own(property, "enum");
    const choices = Array.isArray(values)
      ? values.filter((value): value is string => typeof value === "string")
      : [];
    return [{ name, choices }];
  });
}

function own(value: unknown, key: string): unknown {
  if (typeof value !== "object" || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as Record<string, unknown>)[key];
}
