/**
 * `nexo ext install`: what is done with a microapp's directory, decided first and done then.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import { CodedError } from "../../contract/mod.ts";
import type { AppliedEdit } from "../../daemon/extension_desk.ts";
import { addCopy, removeCopies } from "../../microapps/install/copies.ts";
import { programProblem, type Source } from "../../microapps/install/source.ts";
import { copiesDir } from "../../microapps/installed.ts";
import type { ListedMicroapp } from "../../microapps/listing.ts";
import { isWithin } from "../../microapps/sandbox/place.ts";
import type { ExtBackend } from "./backend.ts";
import { grantsToWrite } from "./grants.ts";

/** What the person asked for. */
export interface InstallWish {
  readonly source: Source;
  /** Run it where it lies. */
  readonly link: boolean;
  readonly update: boolean;
  /** Absent: as `extensions.yaml` has it. */
  readonly enable: boolean | undefined;
  /** Capabilities to grant; `all` for everything the manifest asks for. */
  readonly grant: readonly string[];
}

/** How a microapp is installed: copied, run where it lies, or found there already. */
export type InstallMode = "copy" | "update" | "link" | "in_place";

/** What will be done. */
export interface InstallPlan {
  readonly mode: InstallMode;
  readonly grant: readonly string[];
}

/** Where and with what it is done. */
export interface InstallDeps {
  readonly backend: ExtBackend;
  readonly homeDir: string;
  readonly installDir: string;
}

/** How an install ended. */
export interface Installed extends AppliedEdit {
  /** Where it lies now. */
  readonly target: string;
}

/**
 * Decides how to install.
 *
 * @throws {CodedError} `conflict` when another microapp of that id is there, `not_found` when there is
 * none to update, `install_refused` when it could not start, `usage`
 */
export async function planInstall(
  wish: InstallWish,
  { backend, homeDir }: Pick<InstallDeps, "backend" | "homeDir">,
): Promise<InstallPlan> {
  const { source } = wish;
  const { id } = source.manifest;
  const grant = grantsToWrite(wish.grant, { id, asks: source.manifest.capabilities.admin });
  const known = (await backend.list()).find((row) => row.id === id);
  if (known?.path === source.root) return { mode: "in_place", grant };

  if (known !== undefined) refuseOther(known, wish, homeDir);
  else if (wish.update) {
    throw new CodedError("not_found", `Cannot update "${id}": it is not installed`);
  }
  if (wish.link) return { mode: "link", grant };
  const problem = isWithin(source.root, homeDir)
    ? `its directory holds all of "${homeDir}"`
    : await programProblem(source);
  if (problem !== undefined) {
    throw new CodedError("install_refused", `Cannot install "${id}": ${problem}`);
  }
  return { mode: known === undefined ? "copy" : "update", grant };
}

/** One microapp takes another's place only when that was installed by this command, and is meant to. */
function refuseOther(known: ListedMicroapp, { update }: InstallWish, homeDir: string): void {
  const { id, path, origin } = known;
  const isOurs = origin === "entry" || isWithin(copiesDir(homeDir, id), path);
  if (isOurs && update) return;
  const state = `one of that id is at "${path}"`;
  const fix = isOurs ? "--update replaces it" : "remove that first, or give this one another id";
  throw new CodedError("conflict", `Cannot install "${id}": ${state}; ${fix}`);
}

/** Does what was planned; when the config does not take it, nothing has changed. */
export async function install(
  { source, enable }: InstallWish,
  { mode, grant }: InstallPlan,
  { backend, homeDir, installDir }: InstallDeps,
): Promise<Installed> {
  const { root, manifest: { id } } = source;
  const copies = mode === "copy" || mode === "update";
  const target = copies
    ? await addCopy({ homeDir, id, from: root, installDir, nonce: randomUUID() })
    : root;
  const path = mode === "link" ? root : copies ? null : undefined;
  let applied: AppliedEdit;
  try {
    applied = await backend.apply({ id, enabled: enable, grant, path });
  } catch (error) {
    if (copies) await removeCopies({ homeDir, id, only: target });
    throw error;
  }
  if (mode === "link") await removeCopies({ homeDir, id });
  else if (copies) await removeCopies({ homeDir, id, keep: target });
  return { ...applied, target };
}
