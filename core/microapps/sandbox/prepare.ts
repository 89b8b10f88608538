/**
 * Everything between a manifest and the confined child: level, places, limits, command.
 *
 * @module
 */
import { mkdir, realpath } from "node:fs/promises";
import { join } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import type { ChildOptions } from "../child.ts";
import type { Candidate } from "../candidate.ts";
import type { Env } from "../env.ts";
import type { Manifest } from "../manifest.ts";
import { sandboxCommand } from "./command.ts";
import { confinedEnv } from "./confined_env.ts";
import { refuseImportsOut } from "./graph.ts";
import { overQuota } from "./guard.ts";
import type { SandboxHelpers } from "./helpers.ts";
import { chooseLevel, type SandboxLevel, wishOf } from "./level.ts";
import { type Limits, limitsOf } from "./limits.ts";
import { isWithin, type NetworkGrant, type SandboxPlace } from "./place.ts";
import { readableCode, sortPaths } from "./code_places.ts";
import { readRuntime, type Runtime } from "./runtime.ts";
import { microappHome, refuseLinkedState, refuseLinksOut, stateDirOf } from "./state_dir.ts";

/** How a microapp was started, as `nexo ext status` and `nexo doctor` show it. */
export interface Confinement {
  readonly level: SandboxLevel;
  readonly limits: Limits;
  /** What the level does not do, or why it is not higher. */
  readonly notes: readonly string[];
}

/** What {@linkcode prepareSandbox} needs. */
export interface SandboxDeps {
  readonly helpers: SandboxHelpers;
  readonly homeDir: string;
  readonly installDir: string;
  /** The environment of core, for `PATH`. */
  readonly env: Env;
}

/** A child to start, with how far it is confined. */
export interface SandboxedChild {
  readonly child: ChildOptions;
  readonly confinement: Confinement;
}

/**
 * Prepares a child. `start` is what runs where no sandbox is asked for: its command, and the whole
 * environment an unconfined microapp gets; `added` are the variables made for this microapp.
 *
 * @throws {CodedError} `sandbox_refused` when it cannot be confined as asked
 */
export async function prepareSandbox(
  { id, root, manifest, entry }: Candidate,
  start: ChildOptions,
  named: ReadonlySet<string>,
  deps: SandboxDeps,
): Promise<SandboxedChild> {
  const wish = wishOf(entry, manifest);
  const prlimit = await deps.helpers.prlimit();
  const stateDir = stateDirOf(deps.homeDir, id);
  if (wish === "none") {
    const limits = limitsOf(entry.limits, "none");
    const runtime: Runtime = { kind: "other", program: start.command, files: [] };
    const place = {
      root,
      stateDir,
      readable: [],
      readableFiles: [],
      hidden: [],
      cacheDir: stateDir,
    };
    await refuseFull(stateDir, limits);
    const command = sandboxCommand({
      ...start,
      level: "none",
      runtime,
      network: { kind: "host" },
      limits,
      place,
      helpers: { bwrap: null, prlimit },
    });
    return { child: { ...start, ...command }, confinement: { level: "none", limits, notes: [] } };
  }

  const runtime = await readRuntime({ command: start.command, root, env: deps.env });
  const bwrap = await deps.helpers.bwrap();
  const { level, notes } = chooseLevel({ wish, bwrap, runtime });
  const limits = limitsOf(entry.limits, level);
  const network = networkOf(manifest, entry.network);
  await refuseLinkedState(stateDir);
  const place = await placeOf({ id, root, stateDir, runtime, more: entry.read_paths ?? [] }, deps);
  if (level === "permissions") {
    refuseHomeInside(place);
    await mkdir(place.cacheDir, { recursive: true, mode: 0o700 });
    await refuseLinksOut(place.stateDir);
    if (runtime.kind === "deno") {
      await refuseImportsOut({ program: runtime.program, args: start.args, place });
    }
  }
  await refuseFull(stateDir, limits);
  const command = sandboxCommand({
    ...start,
    level,
    runtime,
    network,
    limits,
    place,
    helpers: { bwrap: bwrap.path, prlimit },
  });
  const env = level === "none" ? start.env : confinedEnv({ env: start.env, named, level, place });
  return {
    child: { ...command, cwd: place.root, env },
    confinement: { level, limits, notes: [...networkNotes(network, level), ...notes] },
  };
}

/** The operator's word on the network, else the manifest's; a port that it serves is always its own. */
function networkOf(
  { sandbox, capabilities: { httpServer } }: Manifest,
  granted: boolean | undefined,
): NetworkGrant {
  if (granted ?? sandbox.network) return { kind: "host" };
  if (httpServer === null) return { kind: "none" };
  const { bind, port } = httpServer;
  return { kind: "port", address: `${bind.includes(":") ? `[${bind}]` : bind}:${port}` };
}

function networkNotes({ kind }: NetworkGrant, level: SandboxLevel): string[] {
  if (level === "none") return [];
  if (kind === "host") return ["it shares the host's network, as it declares"];
  // Namespaces know no single port.
  return kind === "port" && level === "bwrap"
    ? ["it shares the host's network, since it serves HTTP"]
    : [];
}

/** What ended it for its disk would only be ended again. */
async function refuseFull(stateDir: string, { diskBytes }: Limits): Promise<void> {
  const reason = diskBytes === null ? null : await overQuota(stateDir, diskBytes);
  if (reason !== null) throw new CodedError("sandbox_refused", `Cannot start it: ${reason}`);
}

/** Permissions cannot take a part out of what they give. */
function refuseHomeInside({ root, readable, hidden }: SandboxPlace): void {
  for (const dir of hidden) {
    const around = [root, ...readable].find((each) => isWithin(each, dir));
    if (around === undefined) continue;
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: it must read "${around}", which holds all of NEXO_HOME`,
    );
  }
}

async function readablePath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw new CodedError(
      "sandbox_refused",
      `Cannot confine it: read_paths names "${path}", which cannot be read`,
      { cause: error },
    );
  }
}

async function placeOf(
  { id, root, stateDir, runtime, more }: {
    id: string;
    root: string;
    stateDir: string;
    runtime: Runtime;
    more: readonly string[];
  },
  { homeDir, installDir }: SandboxDeps,
): Promise<SandboxPlace> {
  const real = await realpath(root);
  const home = await realpath(homeDir);
  const extra = await sortPaths(await Promise.all(more.map(readablePath)));
  const code = await readableCode({ root: real, runtime, installDir });
  return {
    root: real,
    stateDir: await realpath(stateDir),
    readable: [...code.readable, ...extra.readable],
    readableFiles: [...code.readableFiles, ...extra.readableFiles],
    hidden: [home],
    cacheDir: join(microappHome(home, id), "deno-cache"),
  };
}
