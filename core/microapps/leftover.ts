/**
 * Ends what an earlier core left running when it was killed.
 *
 * @module
 */
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** When a process started, in ticks since boot; with its pid it names the process for good. */
async function startOf(pid: number): Promise<string | null> {
  // Only Linux tells; elsewhere a child ends by itself when its stdin closes, or not at all.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

/** Writes down which process runs, so that the next core can end it. */
export async function noteProcess(file: string, pid: number): Promise<void> {
  const start = await startOf(pid);
  if (start === null) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${pid} ${start}\n`, { mode: 0o600 });
}

/** Forgets the process, since it is gone. */
export async function forgetProcess(file: string): Promise<void> {
  await rm(file, { force: true });
}

/** Kills the group of the noted process if that very process still runs; says whether it did. */
export async function endLeftover(file: string): Promise<boolean> {
  const note = await readFile(file, "utf8").catch(() => "");
  const [pid, start] = note.trim().split(" ");
  const number = Number(pid);
  if (!Number.isSafeInteger(number) || number <= 1) return false;
  if (start === undefined || await startOf(number) !== start) return false;
  try {
    process.kill(-number, "SIGKILL");
    return true;
  } catch {
    return false;
  }
}
