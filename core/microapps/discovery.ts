/**
 * Finds the microapps that `extensions.yaml` points to.
 *
 * @module
 */
import { resolve } from "node:path";
import type { Candidate, ExtensionsConfig } from "./candidate.ts";
import type { Diagnostic, Report } from "./diagnostics.ts";
import type { Env } from "./env.ts";
import { grantsOf } from "./grants.ts";
import { installedRoots } from "./installed.ts";
import type { Manifest } from "./manifest.ts";
import { readExplicit, readRoot } from "./read_microapp.ts";
import { refusalOf } from "./requirements.ts";
import { rootsBelow } from "./search.ts";

/** A microapp that lies somewhere, whether or not it is to run. */
export interface Found {
  readonly id: string;
  readonly root: string;
  readonly manifest: Manifest;
  /** Named by `entries.<id>.path`, lying in a search path, or in `$NEXO_HOME/extensions`. */
  readonly origin: "entry" | "search" | "installed";
  readonly enabled: boolean;
}

/** What a search needs. */
export interface DiscoveryDeps {
  readonly config: ExtensionsConfig;
  /** `$NEXO_HOME`, whose installed microapps count as well. @default none */
  readonly homeDir?: string;
  /** Where relative paths start. */
  readonly configDir: string;
  /** For `requires.bins` (its `PATH`) and `requires.env`. */
  readonly env: Env;
  /** Held against `min_agent_version` and `min_nexo_version`. */
  readonly agentVersion: string;
}

/** What a search found: candidates sorted by id, at most one of each. */
export interface Discovery {
  readonly candidates: readonly Candidate[];
  /** The candidates, and those that are switched off. */
  readonly found: readonly Found[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Walks the search paths and explicit entries. Never throws because of one microapp. */
export async function discoverMicroapps(deps: DiscoveryDeps): Promise<Discovery> {
  const { config, configDir, homeDir } = deps;
  const diagnostics: Diagnostic[] = [];
  const report: Report = (level, code, path, message) =>
    void diagnostics.push({ level, code, path, message });
  const found = new Map<string, Found>();
  function add(origin: Found["origin"], root: string, manifest: Manifest): void {
    const { id } = manifest;
    const first = found.get(id);
    if (first === undefined) {
      found.set(id, { id, root, manifest, origin, enabled: isEnabled(config, id) });
    } else if (first.root !== root) {
      report("warn", "DuplicateId", root, `"${manifest.id}" is kept from "${first.root}"`);
    }
  }

  for (const [id, entry] of Object.entries(config.entries ?? {})) {
    if (entry.path === undefined) continue;
    const explicit = await readExplicit(id, resolve(configDir, entry.path), deps, report);
    if (explicit !== null) add("entry", explicit.root, explicit.manifest);
  }
  for (const path of config.search_paths ?? ["./extensions"]) {
    for (const root of await rootsBelow(resolve(configDir, path), deps, report)) {
      const manifest = await readRoot(root, deps, report);
      if (manifest !== null) add("search", root, manifest);
    }
  }
  for (const { id, root } of homeDir === undefined ? [] : await installedRoots(homeDir)) {
    const manifest = await readRoot(root, deps, report);
    if (manifest === null) continue;
    if (manifest.id === id) add("installed", root, manifest);
    else report("error", "IdMismatch", root, `"${id}" holds "${manifest.id}"`);
  }

  const candidates = await select(found, deps, report);
  return { candidates, found: [...found.values()].sort(byId), diagnostics };
}

const byId = (a: { id: string }, b: { id: string }): number => a.id < b.id ? -1 : 1;

function isEnabled({ enabled, entries, disabled, allowlist = [] }: ExtensionsConfig, id: string) {
  return enabled !== false && entries?.[id]?.enabled !== false &&
    disabled?.includes(id) !== true && (allowlist.length === 0 || allowlist.includes(id));
}

async function select(
  found: ReadonlyMap<string, Found>,
  deps: DiscoveryDeps,
  report: Report,
): Promise<Candidate[]> {
  const { config } = deps;
  if (config.enabled === false) return [];
  const { allowlist = [], disabled = [], entries = {} } = config;
  for (const id of new Set([...allowlist, ...disabled, ...Object.keys(entries)])) {
    if (!found.has(id)) report("warn", "UnknownId", "extensions.yaml", `"${id}" was not found`);
  }
  const candidates: Candidate[] = [];
  for (const { id, root, manifest, enabled } of found.values()) {
    if (!enabled) continue;
    const entry = entries[id] ?? {};
    const refusal = await refusalOf(manifest, entry, deps.env);
    if (refusal !== null) report("error", refusal.code, root, refusal.message);
    const { missingOptional, orphan } = grantsOf(manifest, entry);
    for (const name of missingOptional) {
      report("warn", "OptionalNotGranted", root, `"${id}" would like "${name}"`);
    }
    for (const name of orphan) {
      report("warn", "OrphanGrant", root, `"${id}" is granted "${name}" but never asks for it`);
    }
    candidates.push({ id, root, manifest, entry, refusal: refusal?.message ?? null });
  }
  return refuseSharedPorts(candidates.sort(byId), report);
}

/** Of those that serve on one port the first may: what asks for another must never reach it. */
function refuseSharedPorts(candidates: readonly Candidate[], report: Report): Candidate[] {
  const owners = new Map<number, string>();
  return candidates.map((candidate) => {
    const { id, root, manifest: { capabilities: { httpServer } }, refusal } = candidate;
    if (httpServer === null || refusal !== null) return candidate;
    const owner = owners.get(httpServer.port);
    if (owner === undefined) {
      owners.set(httpServer.port, id);
      return candidate;
    }
    const message = `http_server.port ${httpServer.port} is already that of "${owner}"`;
    report("error", "PortTaken", root, message);
    return { ...candidate, refusal: message };
  });
}
