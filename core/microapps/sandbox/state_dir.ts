/**
 * Where a microapp keeps its own files, and what must not lie there.
 *
 * @module
 */
import { lstat, opendir, readlink, realpath } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { CodedError } from "../../contract/mod.ts";
import { isWithin } from "./place.ts";

const idPattern = /^[a-z][a-z0-9_-]{0,63}$/;

/**
 * The directory of one microapp below `$NEXO_HOME`; its state is in `state` there.
 *
 * @throws {CodedError} `invalid_params` when the id is none, before any path is made of it
 */
export function microappHome(homeDir: string, id: string): string {
  if (!idPattern.test(id)) {
    throw new CodedError(
      "invalid_params",
      `Cannot name a directory after "${
        id.slice(0, 80)
      }": a microapp's id is 1 to 64 of a-z, 0-9, _ and -, a letter first`,
    );
  }
  return join(homeDir, "extensions", id);
}

/** The state directory of one microapp; throws as {@linkcode microappHome}. */
export function stateDirOf(homeDir: string, id: string): string {
  return join(microappHome(homeDir, id), "state");
}

/** Links looked at before a start; more files than this are not searched in reasonable time. */
const MAX_ENTRIES = 200_000;

/**
 * Refuses links that lead out of `stateDir`: a runtime's permissions follow them.
 *
 * @throws {CodedError} `sandbox_refused`, naming the link
 */
export async function refuseLinksOut(stateDir: string): Promise<void> {
  const real = await realpath(stateDir);
  const dirs = [real];
  let entries = 0;
  for (let dir = dirs.pop(); dir !== undefined; dir = dirs.pop()) {
    for await (const entry of await opendir(dir)) {
      entries += 1;
      if (entries > MAX_ENTRIES) {
        throw new CodedError(
          "sandbox_refused",
          `Cannot confine it: its state directory holds more than ${MAX_ENTRIES} files`,
        );
      }
      const path = join(dir, entry.name);
      if (entry.isDirectory()) dirs.push(path);
      else if (entry.isSymbolicLink() && await leadsOut(path, real)) {
        throw new CodedError(
          "sandbox_refused",
          `Cannot confine it: the link "${
            relative(real, path)
          }" in its state directory leads out of it; remove it`,
        );
      }
    }
  }
}

/** A link that leads nowhere yet is judged by its words, any other by where it really ends. */
async function leadsOut(path: string, stateDir: string): Promise<boolean> {
  const said = resolve(dirname(path), await readlink(path));
  const ends = await realpath(path).catch(() => said);
  return !isWithin(stateDir, said) || !isWithin(stateDir, ends);
}

/**
 * Refuses a state directory that is itself a link, which the microapp may have put there when it was
 * not confined.
 *
 * @throws {CodedError} `sandbox_refused`
 */
export async function refuseLinkedState(stateDir: string): Promise<void> {
  if ((await lstat(stateDir)).isDirectory()) return;
  throw new CodedError(
    "sandbox_refused",
    `Cannot confine it: "${stateDir}" is no directory of its own but a link or a file`,
  );
}
