/**
 * Finds the microapps that `extensions.yaml` points to.
 *
 * @module
 */
import { constants } from "node:fs";
import { access, readdir, readFile, realpath, stat } from "node:fs/promises";
import { basename, delimiter, dirname, extname, join, resolve, sep } from "node:path";
import { messageOf } from "../contract/mod.ts";
import type { Env } from "./env.ts";
import { type Grant, grantsOf } from "./grants.ts";
import { installedDir, installedRoots } from "./installed.ts";
import { type Manifest, parseManifest } from "./manifest.ts";
import type { SandboxWish } from "./sandbox/level.ts";
import type { LimitsConfig } from "./sandbox/limits.ts";
import { isWithin } from "./sandbox/place.ts";

/** What an operator says of one microapp: `extensions.entries.<id>`. */
export interface ExtensionEntry {
  readonly enabled?: boolean | undefined;
  readonly capabilities_grant?: readonly Grant[] | undefined;
  readonly allow_external_bind?: boolean | undefined;
  /** Handed over in `initialize`. */
  readonly config?: unknown;
  /** Limit of one tool call or hook, in seconds. */
  readonly timeout_secs?: number | undefined;
  /** The microapp's directory, or one script; relative to the config directory. */
  readonly path?: string | undefined;
  /** The one tenant it works for; absent: all. */
  readonly tenant_id?: string | undefined;
  /** How far to confine it; absent: what its manifest asks for. */
  readonly sandbox?: SandboxWish | undefined;
  /** Whether a sandbox leaves it the network; absent: what its manifest declares. */
  readonly network?: boolean | undefined;
  /** More that it may read under a sandbox, absolute. */
  readonly read_paths?: readonly string[] | undefined;
  readonly limits?: LimitsConfig | undefined;
}

/** What is read of `extensions.yaml`. */
export interface ExtensionsConfig {
  readonly enabled?: boolean | undefined;
  readonly search_paths?: readonly string[] | undefined;
  readonly disabled?: readonly string[] | undefined;
  readonly allowlist?: readonly string[] | undefined;
  readonly ignore_dirs?: readonly string[] | undefined;
  readonly max_depth?: number | undefined;
  readonly follow_links?: boolean | undefined;
  readonly entries?: Readonly<Record<string, ExtensionEntry>> | undefined;
}

/** A microapp that was found. */
export interface Candidate {
  readonly id: string;
  /** The directory that holds its `plugin.toml`, absolute; where it is started. */
  readonly root: string;
  readonly manifest: Manifest;
  readonly entry: ExtensionEntry;
  /** Why it is not started, or null. */
  readonly refusal: string | null;
}

/** Something an operator should know; errors keep one microapp from starting, never more. */
export interface Diagnostic {
  readonly level: "warn" | "error";
  readonly code: string;
  readonly path: string;
  readonly message: string;
}

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

const IGNORED = ["target", ".git", "node_modules", "dist", ".build"];
const LOOPBACK: ReadonlySet<string> = new Set(["127.0.0.1", "::1", "localhost"]);
const INTERPRETERS: Readonly<Record<string, string>> = {
  ".js": "node",
  ".mjs": "node",
  ".cjs": "node",
  ".py": "python3",
};

type Report = (level: Diagnostic["level"], code: string, path: string, message: string) => void;

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

/** Directories with a `plugin.toml`, in name order; none inside another. */
async function rootsBelow(
  top: string,
  { config, homeDir }: DiscoveryDeps,
  report: Report,
): Promise<string[]> {
  const ignored = new Set(config.ignore_dirs ?? IGNORED);
  const maxDepth = config.max_depth ?? 3;
  const followLinks = config.follow_links === true;
  const roots: string[] = [];
  const visited = new Set<string>();
  const installed = homeDir === undefined
    ? undefined
    : await realpath(installedDir(homeDir)).catch(() => undefined); // nothing is installed yet
  let realTop: string;
  try {
    realTop = await realpath(top);
  } catch (error) {
    report("warn", "Read", top, `the search path cannot be read: ${messageOf(error)}`);
    return [];
  }

  async function walk(dir: string, depth: number): Promise<void> {
    const real = await realpath(dir);
    if (visited.has(real)) return;
    visited.add(real);
    // What lies in there is found by rules of its own: microapps can write to part of it.
    if (installed !== undefined && isWithin(installed, real)) return;
    const entries = await readdir(dir, { withFileTypes: true });
    const manifest = entries.find(({ name }) => name === "plugin.toml");
    if (manifest !== undefined) {
      const target = await realpath(join(dir, "plugin.toml"));
      if (followLinks || target.startsWith(realTop + sep)) roots.push(dir);
      else report("error", "OutsideRoot", dir, "plugin.toml lies outside; see follow_links");
      return;
    }
    if (depth >= maxDepth) return;
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      if (ignored.has(entry.name)) continue;
      const path = join(dir, entry.name);
      if (entry.isSymbolicLink()) {
        if (!followLinks) {
          report("warn", "LinkSkipped", path, "a link is not followed without follow_links: true");
          continue;
        }
        if (!(await isDirectory(path))) continue;
      } else if (!entry.isDirectory()) continue;
      try {
        await walk(path, depth + 1);
      } catch (error) {
        report("warn", "Read", path, messageOf(error));
      }
    }
  }

  try {
    await walk(top, 0);
  } catch (error) {
    report("warn", "Read", top, messageOf(error));
  }
  return roots;
}

function isDirectory(path: string): Promise<boolean> {
  return stat(path).then((found) => found.isDirectory(), () => false);
}

async function readRoot(
  root: string,
  { agentVersion }: DiscoveryDeps,
  report: Report,
): Promise<Manifest | null> {
  const path = join(root, "plugin.toml");
  try {
    const plugin = await readFile(path, "utf8");
    const sidecar = await readFile(join(root, "nexo-plugin.toml"), "utf8").catch(() => undefined);
    const mcpJson = await readFile(join(root, ".mcp.json"), "utf8").catch(() => undefined);
    const { manifest, warnings } = parseManifest({ plugin, sidecar, mcpJson, agentVersion });
    for (const warning of warnings) report("warn", "Manifest", path, warning);
    return manifest;
  } catch (error) {
    const message = messageOf(error);
    report("error", /^[A-Z][A-Za-z]+(?=: )/.exec(message)?.[0] ?? "Read", path, message);
    return null;
  }
}

/** The microapp at `entries.<id>.path`: a directory with a manifest, or one script. */
async function readExplicit(
  id: string,
  path: string,
  deps: DiscoveryDeps,
  report: Report,
): Promise<{ root: string; manifest: Manifest } | null> {
  if (basename(path) === "plugin.toml" || await isDirectory(path)) {
    const root = basename(path) === "plugin.toml" ? dirname(path) : path;
    const manifest = await readRoot(root, deps, report);
    if (manifest === null) return null;
    if (manifest.id === id) return { root, manifest };
    report("error", "IdMismatch", root, `entries.${id}.path leads to "${manifest.id}"`);
    return null;
  }
  try {
    await access(path);
    const interpreter = INTERPRETERS[extname(path)];
    const [command, args] = interpreter === undefined ? [path, []] : [interpreter, [path]];
    const plugin = `[plugin]\nid = ${JSON.stringify(id)}\nversion = "0.0.0"\n` +
      `[plugin.entrypoint]\ncommand = ${JSON.stringify(command)}\nargs = ${JSON.stringify(args)}\n`;
    const { manifest } = parseManifest({ plugin, agentVersion: deps.agentVersion });
    return { root: dirname(path), manifest };
  } catch (error) {
    report("error", "Read", path, messageOf(error));
    return null;
  }
}

/** Why a microapp is not started: what it needs and does not have. */
async function refusalOf(
  manifest: Manifest,
  entry: ExtensionEntry,
  env: Env,
): Promise<{ code: string; message: string } | null> {
  const { requires, transport, capabilities } = manifest;
  if (transport.kind !== "stdio" && transport.kind !== "none") {
    return { code: "Transport", message: `transport "${transport.kind}" is not supported` };
  }
  const bins: string[] = [];
  for (const bin of requires.bins) if (!(await isOnPath(bin, env["PATH"] ?? ""))) bins.push(bin);
  if (bins.length > 0) return { code: "RequiresBins", message: `not on PATH: ${bins.join(", ")}` };
  const unset = requires.env.filter((name) => (env[name] ?? "") === "");
  if (unset.length > 0) return { code: "RequiresEnv", message: `not set: ${unset.join(", ")}` };
  const { missingRequired } = grantsOf(manifest, entry);
  if (missingRequired.length > 0) {
    return {
      code: "RequiredNotGranted",
      message: `capabilities not granted: ${missingRequired.join(", ")}`,
    };
  }
  const bind = capabilities.httpServer?.bind;
  if (bind !== undefined && !LOOPBACK.has(bind) && entry.allow_external_bind !== true) {
    return {
      code: "ExternalBindNotAllowed",
      message: `http_server.bind "${bind}" needs allow_external_bind: true`,
    };
  }
  return null;
}

async function isOnPath(bin: string, path: string): Promise<boolean> {
  const places = bin.includes("/") ? [bin] : path.split(delimiter).map((dir) => join(dir, bin));
  for (const place of places) {
    if (await access(place, constants.X_OK).then(() => true, () => false)) return true;
  }
  return false;
}
