/**
 * Looking for what must be found nowhere.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DaemonPlace } from "./daemon.ts";

/** Every file under `dir` as bytes, the database's log and index included. */
async function filesOf(dir: string): Promise<{ path: string; bytes: Buffer }[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  return Promise.all(
    entries.filter((entry) => entry.isFile()).map(async ({ parentPath, name }) => {
      const path = join(parentPath, name);
      return { path, bytes: await readFile(path) };
    }),
  );
}

/** Which needles are found where: in the home, in `more` directories, in what daemons wrote. */
export async function grep(
  place: DaemonPlace,
  needles: readonly string[],
  more: readonly string[] = [],
): Promise<string[]> {
  const files = await Promise.all([place.home, ...more].map(filesOf));
  const places = [
    ...files.flat(),
    { path: "the daemon's output", bytes: Buffer.from(place.output()) },
  ];
  return places.flatMap(({ path, bytes }) =>
    needles.filter((needle) => bytes.includes(needle)).map((needle) => `${needle} in ${path}`)
  );
}
