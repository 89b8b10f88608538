/**
 * A microapp's tools as models see them, and the call as the microapp sees it.
 *
 * @module
 */
import { type CallMeta, lineJson } from "../contract/mod.ts";
import type { Handshake } from "./handshake.ts";
import { isObject, type JsonObject } from "./json.ts";
import type { ToolOverlay } from "./manifest_schema.ts";
import { metaJson } from "./meta_json.ts";
import { toolName, visibleName } from "./naming.ts";

/** A tool that can be called now. */
export interface ToolDescriptor {
  /**
   * What the model sees: `ext_<microapp>_<tool>`, or the own name of one that comes with a kind of
   * job; at most 64 of `A-Za-z0-9_-`.
   */
  readonly name: string;
  /** The microapp's own name for it. */
  readonly ownName: string;
  readonly microappId: string;
  /** The MCP server it comes from; null for a microapp's own. */
  readonly server: string | null;
  /** The kind of job it comes with; null for all others. */
  readonly poller: string | null;
  readonly description: string;
  /** JSON Schema of the arguments. */
  readonly inputSchema: JsonObject;
  /** The one tenant whose agents may call it, or null for all. */
  readonly account: string | null;
  /** The agents that may call it, or null for all. */
  readonly agents: readonly string[] | null;
}

/** The schema of a tool that declares none. */
export const ANY_OBJECT: JsonObject = { type: "object" };

/** Describes the tools of one handshake; overlays fill in what the microapp left out. */
export function describeTools(
  microappId: string,
  account: string | null,
  handshake: Handshake,
  overlays: Readonly<Record<string, ToolOverlay>>,
): ToolDescriptor[] {
  return handshake.tools.map(({ name, description, inputSchema, poller = null }) => {
    const overlay = overlays[name];
    const says = description || overlay?.description || name;
    return {
      name: poller === null ? toolName(microappId, name) : visibleName(name),
      ownName: name,
      microappId,
      server: null,
      poller,
      description: `[ext:${microappId}] ${says}`,
      inputSchema: inputSchema ?? overlay?.input_schema ?? ANY_OBJECT,
      account,
      agents: null,
    };
  });
}

/** Arguments as a model gave them, without a `_meta` it made up. */
export function withoutMeta(given: unknown): unknown {
  if (!isObject(given)) return given ?? {};
  if (!Object.hasOwn(given, "_meta")) return given;
  const { _meta: _spoofed, ...args } = given;
  return args;
}

/** How a child wants its calls. */
export interface CallShape {
  /** Whether the arguments carry for whom the call is. */
  readonly withMeta: boolean;
  /** Whether what is said once is said again under the names that documented examples read. */
  readonly withAliases: boolean;
}

/**
 * The params of `tools/call` as JSON: what today's children read, and what documented examples expect.
 *
 * `_meta` in the arguments comes from us or not at all: a model must not be able to say for whom it calls.
 */
export function toolCallParams(
  name: string,
  given: unknown,
  meta: CallMeta,
  { withMeta, withAliases }: CallShape,
): string {
  const args = withoutMeta(given);
  const json = lineJson(args) ?? "{}";
  const tool = lineJson(name);
  let passed = json;
  if (withMeta && isObject(args)) {
    const open = json === "{}" ? "{" : `${json.slice(0, -1)},`;
    passed = `${open}"_meta":${metaJson(meta)}}`;
  }
  const params = `{"name":${tool},"arguments":${passed}`;
  if (!withAliases) return `${params}}`;
  const { binding, inbound } = meta.nexo ?? {};
  const doc = lineJson({ binding_context: binding, inbound })?.slice(1) ?? "}";
  return `${params},"tool":${tool},"args":${json}${doc === "}" ? "" : ","}${doc}`;
}
