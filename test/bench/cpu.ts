/**
 * How much processor time processes have used, from the kernel's own books.
 *
 * @module
 */
import { readFile } from "node:fs/promises";

/** The kernel counts in hundredths of a second for every program, whatever its own clock does. */
const TICKS_PER_SECOND = 100;

/** Seconds of processor time of a process and of everything it started that still runs. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, "utf8");
  // The name in parentheses may hold anything; what follows it is plain.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticks = Number(fields[11]) + Number(fields[12]);
  const children = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  const below = await Promise.all(
    children.split(" ").filter((child) => child !== "").map((child) => cpuSecondsOf(Number(child))),
  );
  return ticks / TICKS_PER_SECOND + below.reduce((sum, seconds) => sum + seconds, 0);
}
