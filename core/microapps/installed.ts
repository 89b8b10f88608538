/**
 * Microapps in `$NEXO_HOME/extensions`: what `nexo ext install` copied, and what was put there by hand.
 *
 * `<id>/app/<number>/` holds a copy, the highest number counting, so that a new version is there as a
 * whole or not at all while the one before goes on; `<id>/plugin.toml` is a microapp put there by hand.
 * Beside them lies `<id>/state/`, where nothing is ever looked for: a microapp could write it.
 *
 * @module
 */
import { readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { microappHome } from "./sandbox/state_dir.ts";
import { isWithin } from "./sandbox/place.ts";

/** Where installed microapps and all microapps' states lie. */
export function installedDir(homeDir: string): string {
  return join(homeDir, "extensions");
}

/** Where the copies of one microapp lie. @throws {CodedError} `invalid_params` when the id is none */
export function copiesDir(homeDir: string, id: string): string {
  return join(microappHome(homeDir, id), "app");
}

/** The numbers of a microapp's copies, the newest last. */
export async function copiesOf(homeDir: string, id: string): Promise<number[]> {
  const names = await readdir(copiesDir(homeDir, id)).catch(() => []);
  return names.filter((name) => /^[1-9]\d{0,8}$/.test(name)).map(Number).sort((a, b) => a - b);
}

/** The directory that counts for one id; undefined when none is installed. */
export async function installedRoot(homeDir: string, id: string): Promise<string | undefined> {
  const own = microappHome(homeDir, id);
  if (await hasManifest(own)) return own;
  const newest = (await copiesOf(homeDir, id)).at(-1);
  return newest === undefined ? undefined : join(copiesDir(homeDir, id), `${newest}`);
}

/** The directories of all installed microapps with their ids, sorted. */
export async function installedRoots(
  homeDir: string,
): Promise<{ readonly id: string; readonly root: string }[]> {
  const entries = await readdir(installedDir(homeDir), { withFileTypes: true }).catch(() => []);
  const ids = entries.filter((entry) => entry.isDirectory() && isId(entry.name))
    .map(({ name }) => name).sort();
  const roots = await Promise.all(ids.map(async (id) => ({
    id,
    root: await installedRoot(homeDir, id),
  })));
  return roots.flatMap(({ id, root }) => root === undefined ? [] : [{ id, root }]);
}

const isId = (name: string): boolean => /^[a-z][a-z0-9_-]{0,63}$/.test(name);

/** A manifest that is a file of its own, not a link to elsewhere. */
async function hasManifest(dir: string): Promise<boolean> {
  const path = join(dir, "plugin.toml");
  try {
    const [real, realDir] = await Promise.all([realpath(path), realpath(dir)]);
    return isWithin(realDir, real) && (await stat(real)).isFile();
  } catch {
    return false; // nothing was put there by hand
  }
}
