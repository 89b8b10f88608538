/**
 * How much a state directory holds.
 *
 * @module
 */
import { lstat, opendir } from "node:fs/promises";
import { join } from "node:path";

/** A file takes at least this of a quota, since the file system keeps a record of it. */
const ENTRY_BYTES = 1024;
/** `st_blocks` counts these, whatever the file system's own blocks are. */
const BLOCK_BYTES = 512;

/**
 * Adds up what `dir` takes on disk; links count as themselves. Stops as soon as the sum is above
 * `enoughBytes`. What goes away meanwhile counts as nothing.
 */
export async function diskUse(dir: string, enoughBytes: number): Promise<number> {
  let bytes = 0;
  const dirs = [dir];
  for (let at = dirs.pop(); at !== undefined && bytes <= enoughBytes; at = dirs.pop()) {
    const entries = await opendir(at).catch(() => null);
    if (entries === null) continue;
    for await (const entry of entries) {
      const path = join(at, entry.name);
      const found = await lstat(path).catch(() => null);
      if (found !== null) bytes += Math.max(found.blocks * BLOCK_BYTES, ENTRY_BYTES);
      if (entry.isDirectory()) dirs.push(path);
      if (bytes > enoughBytes) break;
    }
  }
  return bytes;
}
