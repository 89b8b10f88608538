/**
 * Every microapp that lies somewhere, for people: those to run, those switched off, those that are wrong.
 *
 * @module
 */
import { basename } from "node:path";
import type { Candidate, ExtensionsConfig } from "./candidate.ts";
import type { Discovery, Found } from "./discovery.ts";
import { grantsOf } from "./grants.ts";

/** One line of `nexo ext list`. */
export interface ListedMicroapp {
  readonly id: string;
  /** Null when its manifest cannot be read. */
  readonly version: string | null;
  readonly status: "enabled" | "disabled" | "error";
  /** Why it does not start, or null. */
  readonly reason: string | null;
  /** As the manifest has them; a handshake may tell others. */
  readonly tools: readonly string[];
  readonly hooks: readonly string[];
  /** Its directory. */
  readonly path: string;
  /** Why it is looked at there; null when its manifest cannot be read. */
  readonly origin: Found["origin"] | null;
  /** Capabilities it asks for. */
  readonly asks: { readonly required: readonly string[]; readonly optional: readonly string[] };
  /** Those of them that it does not have. */
  readonly missing_required: readonly string[];
  readonly missing_optional: readonly string[];
}

/** Lists what a search found, sorted by id. */
export function listMicroapps(
  { found, candidates, diagnostics }: Discovery,
  { entries = {} }: ExtensionsConfig,
): ListedMicroapp[] {
  const running = new Map(candidates.map((candidate) => [candidate.id, candidate]));
  const places = new Set(found.map(({ root }) => root));
  const wrong = diagnostics
    .filter(({ level, path }) =>
      level === "error" &&
      ![...places].some((root) => path === root || path === `${root}/plugin.toml`)
    )
    .map(({ path, message }) => unreadable(path, message));
  return [
    ...found.map((each) => lineOf(each, running.get(each.id), entries[each.id] ?? {})),
    ...wrong,
  ].sort((a, b) => (a.id < b.id ? -1 : 1));
}

function lineOf(
  { id, root, manifest, origin, enabled }: Found,
  candidate: Candidate | undefined,
  entry: Candidate["entry"],
): ListedMicroapp {
  const { missingRequired, missingOptional } = grantsOf(manifest, entry);
  return {
    id,
    version: manifest.version,
    status: enabled ? "enabled" : "disabled",
    reason: candidate?.refusal ?? null,
    tools: manifest.capabilities.tools,
    hooks: manifest.capabilities.hooks,
    path: root,
    origin,
    asks: manifest.capabilities.admin,
    missing_required: missingRequired,
    missing_optional: missingOptional,
  };
}

function unreadable(path: string, reason: string): ListedMicroapp {
  const dir = path.replace(/\/plugin\.toml$/, "");
  return {
    id: basename(dir),
    version: null,
    status: "error",
    reason,
    tools: [],
    hooks: [],
    path: dir,
    origin: null,
    asks: { required: [], optional: [] },
    missing_required: [],
    missing_optional: [],
  };
}
