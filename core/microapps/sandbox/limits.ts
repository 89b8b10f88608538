/**
 * What a microapp may use at most, and the command that sets what the kernel enforces by itself.
 *
 * @module
 */
import type { SandboxLevel } from "./level.ts";

/** Limits as the operator writes them; see `extensions.entries.<id>.limits`. */
export interface LimitsConfig {
  readonly memory_mb?: number | undefined;
  readonly disk_mb?: number | undefined;
  readonly cpu_secs?: number | undefined;
  readonly open_files?: number | undefined;
  readonly processes?: number | undefined;
}

/** Limits in force; null is unlimited. */
export interface Limits {
  /** Resident memory of all its processes together. */
  readonly memoryBytes: number | null;
  /** What its state directory may hold, and how large one file may grow. */
  readonly diskBytes: number | null;
  /** Processor time of each of its processes, over its life. */
  readonly cpuSeconds: number | null;
  /** For each of its processes. */
  readonly openFiles: number | null;
  readonly processes: number | null;
}

const MIB = 1024 * 1024;

/** What applies to a confined microapp where its operator says nothing. */
export const CONFINED_LIMITS: Limits = {
  memoryBytes: 512 * MIB,
  diskBytes: 1024 * MIB,
  cpuSeconds: null,
  openFiles: 1024,
  processes: 64,
};

const UNLIMITED: Limits = {
  memoryBytes: null,
  diskBytes: null,
  cpuSeconds: null,
  openFiles: null,
  processes: null,
};

/** The operator's limits; where they say nothing, a confined microapp has defaults, others none. */
export function limitsOf(config: LimitsConfig | undefined, level: SandboxLevel): Limits {
  const base = level === "none" ? UNLIMITED : CONFINED_LIMITS;
  const bytes = (mib: number | undefined): number | undefined =>
    mib === undefined ? undefined : mib * MIB;
  return {
    memoryBytes: bytes(config?.memory_mb) ?? base.memoryBytes,
    diskBytes: bytes(config?.disk_mb) ?? base.diskBytes,
    cpuSeconds: config?.cpu_secs ?? base.cpuSeconds,
    openFiles: config?.open_files ?? base.openFiles,
    processes: config?.processes ?? base.processes,
  };
}

/** Options of `prlimit` for what the kernel counts per process; empty when it has nothing to do. */
export function prlimitArgs({ diskBytes, cpuSeconds, openFiles }: Limits): string[] {
  const options: string[] = [];
  if (openFiles !== null) options.push(`--nofile=${openFiles}:${openFiles}`);
  if (cpuSeconds !== null) options.push(`--cpu=${cpuSeconds}:${cpuSeconds}`);
  // A write beyond it fails at once, while the directory as a whole is only looked at now and then.
  if (diskBytes !== null) options.push(`--fsize=${diskBytes}:${diskBytes}`);
  return options.length === 0 ? [] : ["--core=0:0", ...options];
}

/** How large V8's heap may grow: the rest of the memory is buffers, code and stacks. */
export function heapMegabytes({ memoryBytes }: Limits): number | null {
  return memoryBytes === null ? null : Math.max(16, Math.floor(memoryBytes * 0.75 / MIB));
}
