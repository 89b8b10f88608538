/**
 * What a microapp's processes use, from one look at the system's process table for all microapps.
 *
 * @module
 */
import { readdir, readFile } from "node:fs/promises";

/** A process and its place in the family. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
}

/** Memory and number of the processes of one microapp. */
export interface Usage {
  /** Resident; pages that processes share count for each. */
  readonly memoryBytes: number;
  readonly processes: number;
}

/** Reads of `/proc` under way at once; more would only queue in Node's few file threads. */
const AT_ONCE = 8;

/** Every process there is; empty where the system has no `/proc`. */
export async function readProcesses(): Promise<ProcessEntry[]> {
  const names = await readdir("/proc").catch(() => []);
  const pids = names.filter((name) => /^\d+$/.test(name));
  const entries: ProcessEntry[] = [];
  await eachAtOnce(pids, async (pid) => {
    const stat = await readFile(`/proc/${pid}/stat`, "latin1").catch(() => null);
    // The name stands in parentheses and may hold anything; a process that has ended uses nothing.
    const [state, parent, group] = stat?.slice(stat.lastIndexOf(")") + 2).split(" ") ?? [];
    if (state === undefined || state === "Z" || state === "X") return;
    entries.push({ pid: Number(pid), parent: Number(parent), group: Number(group) });
  });
  return entries;
}

/** The process `leader`, its descendants and whoever is in its process group. */
export function familyOf(leader: number, table: readonly ProcessEntry[]): number[] {
  const children = new Map<number, number[]>();
  for (const { pid, parent } of table) {
    const siblings = children.get(parent);
    if (siblings === undefined) children.set(parent, [pid]);
    else siblings.push(pid);
  }
  const family = new Set<number>();
  const waiting = table.filter(({ pid, group }) => pid === leader || group === leader)
    .map(({ pid }) => pid);
  for (let pid = waiting.pop(); pid !== undefined; pid = waiting.pop()) {
    if (family.has(pid)) continue;
    family.add(pid);
    waiting.push(...children.get(pid) ?? []);
  }
  return [...family];
}

/** What the processes `pids` use together. */
export async function usageOf(pids: readonly number[]): Promise<Usage> {
  let memoryBytes = 0;
  await eachAtOnce(pids, async (pid) => {
    const status = await readFile(`/proc/${pid}/status`, "latin1").catch(() => "");
    memoryBytes += Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0) * 1024;
  });
  return { memoryBytes, processes: pids.length };
}

async function eachAtOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = items.values();
  const worker = async (): Promise<void> => {
    for (const item of rest) await work(item);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}
