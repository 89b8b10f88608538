/**
 * Ends what an earlier core left running when it was killed, and its warden with it.
 *
 * @module
 */
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { endMarked } from "./sandbox/warden.ts";

const SUFFIX = ".pid";

/** Where the running process of a microapp is written down. */
export function noteFile(dir: string, microappId: string): string {
  return join(dir, `${microappId}${SUFFIX}`);
}

/** When a process started, in ticks since boot; with its pid it names the process for good. */
async function startOf(pid: number): Promise<string | null> {
  // Only Linux tells; elsewhere a child ends by itself when its stdin closes, or not at all.
  const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  return stat?.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
}

/** Writes down which process runs and what its descendants are marked with, for the next core. */
export async function noteProcess(file: string, pid: number, mark: string): Promise<void> {
  const start = await startOf(pid);
  if (start === null) return;
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  await writeFile(file, `${pid} ${start} ${mark}\n`, { mode: 0o600 });
}

/** Forgets the process, since it is gone. */
export async function forgetProcess(file: string): Promise<void> {
  await rm(file, { force: true });
}

/** Ends what is noted in `dir`, also of microapps that are here no more; gives the ids of what lived. */
export async function endLeftovers(dir: string): Promise<string[]> {
  const files = (await readdir(dir).catch(() => [])).filter((name) => name.endsWith(SUFFIX));
  const ended: string[] = [];
  for (const name of files) {
    const file = join(dir, name);
    if (await endNoted(file)) ended.push(basename(name, SUFFIX));
    await forgetProcess(file);
  }
  return ended;
}

/** Kills the group of the noted process if that very process still runs, and all with its mark. */
async function endNoted(file: string): Promise<boolean> {
  const [pid, start, mark] = (await readFile(file, "utf8").catch(() => "")).trim().split(" ");
  const number = Number(pid);
  if (!Number.isSafeInteger(number) || number <= 1 || start === undefined) return false;
  const lives = await startOf(number) === start;
  if (lives) {
    try {
      process.kill(-number, "SIGKILL");
    } catch {
      // It ended by itself meanwhile.
    }
  }
  const strays = mark === undefined ? 0 : await endMarked(mark);
  return lives || strays > 0;
}
