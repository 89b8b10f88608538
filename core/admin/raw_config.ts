/**
 * Config files as they are written: plain data that is looked into with care and changed in place.
 *
 * @module
 */
import type { ConfigDraft } from "../settings/draft.ts";

/** A map of a config file. */
export type RawMap = Record<string, unknown>;

/** The map at `path` below `map`; what is missing, or is no map, is made. */
export function mapAt(map: RawMap, ...path: readonly string[]): RawMap {
  let at = map;
  for (const name of path) {
    const next = Object.hasOwn(at, name) ? at[name] : undefined;
    if (isMap(next)) at = next;
    else at = at[name] = {} as RawMap;
  }
  return at;
}

/** The whole of a file; an empty map when there is nothing in it. */
export async function readMap(draft: ConfigDraft, name: string): Promise<RawMap> {
  const value = await draft.read(name);
  return isMap(value) ? value : {};
}

/** An agent where it is declared. */
export interface DeclaredAgent {
  readonly file: string;
  /** The whole file; writing it back writes the agent. */
  readonly content: RawMap;
  readonly agents: unknown[];
  readonly index: number;
  readonly agent: RawMap;
}

/** Finds an agent in `agents.yaml` and `agents.d`. */
export async function findAgent(
  draft: ConfigDraft,
  id: string,
): Promise<DeclaredAgent | undefined> {
  for (const file of await draft.agentFiles()) {
    const content = await readMap(draft, file);
    const agents = content["agents"];
    if (!Array.isArray(agents)) continue;
    const index = agents.findIndex((agent) => isMap(agent) && agent["id"] === id);
    const agent: unknown = agents[index];
    if (isMap(agent)) return { file, content, agents, index, agent };
  }
  return undefined;
}

/** Text as a config file must hold it for the environment not to be put into it. */
export function literal(text: string): string {
  return text.replaceAll("${", () => "$${");
}

/** {@linkcode literal} for every text in a value. */
export function literalJson(value: unknown): unknown {
  if (typeof value === "string") return literal(value);
  if (Array.isArray(value)) return value.map(literalJson);
  if (!isMap(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, literalJson(item)]));
}

/** Whether a value is a map. */
export function isMap(value: unknown): value is RawMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
