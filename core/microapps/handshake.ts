/**
 * Reads the answer to `initialize`, in every shape that children give it.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { firstText, isObject, type JsonObject, textsOf } from "./json.ts";
import { schemaFlaw } from "./schema_shape.ts";

/** The moments a microapp may hook into. */
export const HOOK_POINTS = [
  "before_message",
  "after_message",
  "before_tool_call",
  "after_tool_call",
] as const;

/** See {@linkcode HOOK_POINTS}. */
export type HookPoint = typeof HOOK_POINTS[number];

/** A tool as its microapp describes it. */
export interface OwnTool {
  readonly name: string;
  /** Empty when the microapp gives none. */
  readonly description: string;
  /** JSON Schema, or null when the microapp gives none. */
  readonly inputSchema: JsonObject | null;
  /** The kind of job it comes with; absent for all others. */
  readonly poller?: string;
}

/** What a microapp said of itself. */
export interface Handshake {
  readonly version: string | null;
  readonly tools: readonly OwnTool[];
  readonly hooks: readonly HookPoint[];
  /** Whether it strips `_meta` from arguments by itself, so that `_meta` may always be sent. */
  readonly stripsMeta: boolean;
  /** Whether calls repeat themselves under the names of older examples; `aliases: false` says no. */
  readonly wantsAliases: boolean;
  /** What was left out, for people. */
  readonly warnings: readonly string[];
}

const MAX_TOOLS = 512;
const MAX_NAME_CHARS = 256;
const MAX_DESCRIPTION_CHARS = 8192;
const MAX_SCHEMA_CHARS = 64 * 1024;

function schemaOf(tool: JsonObject): unknown {
  return tool["input_schema"] ?? tool["inputSchema"] ?? tool["parameters"];
}

function readTool(entry: unknown, warn: (text: string) => void): OwnTool | null {
  const tool = typeof entry === "string" ? { name: entry } : entry;
  const name = isObject(tool) ? firstText(tool, "name") : undefined;
  if (!isObject(tool) || name === undefined || name === "" || name.length > MAX_NAME_CHARS) {
    warn("a tool without a usable name was left out");
    return null;
  }
  const description = (firstText(tool, "description") ?? "").slice(0, MAX_DESCRIPTION_CHARS);
  const schema = schemaOf(tool);
  if (!isObject(schema) || Object.keys(schema).length === 0) {
    return { name, description, inputSchema: null };
  }
  // A schema is compiled in core and sent with every model request.
  if (JSON.stringify(schema).length > MAX_SCHEMA_CHARS) {
    warn(`tool "${name}" was left out: its schema is longer than ${MAX_SCHEMA_CHARS} characters`);
    return null;
  }
  const flaw = schemaFlaw(schema);
  if (flaw !== undefined) {
    warn(`tool "${name}" was left out: its schema is wrong: ${flaw}`);
    return null;
  }
  // Providers want it said, also where it goes without saying.
  return { name, description, inputSchema: { type: "object", ...schema } };
}

/** Tools as descriptors or names, within what core and models can bear. */
export function readTools(value: unknown, warn: (text: string) => void): OwnTool[] {
  if (!Array.isArray(value)) return [];
  if (value.length > MAX_TOOLS) warn(`only the first ${MAX_TOOLS} tools are used`);
  const tools = new Map<string, OwnTool>();
  for (const entry of value.slice(0, MAX_TOOLS)) {
    const tool = readTool(entry, warn);
    if (tool === null) continue;
    if (tools.has(tool.name)) warn(`tool "${tool.name}" is named twice; the first counts`);
    else tools.set(tool.name, tool);
  }
  return [...tools.values()];
}

function isHookPoint(name: string): name is HookPoint {
  return (HOOK_POINTS as readonly string[]).includes(name);
}

/**
 * Reads the result of `initialize`: tools as names or descriptors, the version wherever it stands,
 * unknown members ignored.
 *
 * @throws {CodedError} `microapp_handshake` when it is no object
 */
export function readHandshake(result: unknown): Handshake {
  if (!isObject(result)) {
    throw new CodedError("microapp_handshake", "Cannot read handshake: the result is no object");
  }
  const warnings: string[] = [];
  const warn = (text: string): void => void warnings.push(text);
  const server = result["server_info"];
  const names = textsOf(result["hooks"]);
  for (const name of names) if (!isHookPoint(name)) warn(`hook "${name.slice(0, 64)}" is unknown`);
  return {
    version: (isObject(server) ? firstText(server, "version") : undefined) ??
      firstText(result, "server_version", "version") ?? null,
    tools: readTools(result["tools"], warn),
    hooks: [...new Set(names.filter(isHookPoint))],
    stripsMeta: isObject(server),
    wantsAliases: result["aliases"] !== false,
    warnings,
  };
}
