/**
 * How much memory processes hold, from the kernel's own books.
 *
 * @module
 */
import { readFile } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";

const PAGE_BYTES = 4096;
const LOOK_EVERY_MS = 20;

/** Bytes of memory that a process holds now. */
export async function residentBytesOf(pid: number): Promise<number> {
  const [, pages] = (await readFile(`/proc/${pid}/statm`, "utf8")).split(" ");
  return Number(pages) * PAGE_BYTES;
}

/** Runs `work` and tells the most that `pids` held together meanwhile, in bytes. */
export async function peakBytesDuring(
  pids: readonly number[],
  work: () => Promise<void>,
): Promise<number> {
  let peakBytes = 0;
  let isOver = false;
  const working = work().finally(() => isOver = true);
  while (!isOver) {
    const held = await Promise.all(pids.map(residentBytesOf));
    peakBytes = Math.max(peakBytes, held.reduce((sum, bytes) => sum + bytes, 0));
    await Promise.race([working, setTimeout(LOOK_EVERY_MS)]);
  }
  await working;
  return peakBytes;
}
