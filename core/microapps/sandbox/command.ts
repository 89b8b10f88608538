/**
 * The command that starts a microapp at a level; nothing here touches the machine.
 *
 * @module
 */
import { CodedError } from "../../contract/mod.ts";
import { denoArgs, denoWorkerArgs } from "./deno_flags.ts";
import type { SandboxLevel } from "./level.ts";
import { heapMegabytes, type Limits, prlimitArgs } from "./limits.ts";
import { nodeArgs, nodeHeapArgs } from "./node_flags.ts";
import { isWithin, type NetworkGrant, type SandboxPlace } from "./place.ts";
import type { Runtime } from "./runtime.ts";

/** What to run and how far to confine it. */
export interface SandboxJob {
  readonly level: SandboxLevel;
  /** As the manifest has it. */
  readonly command: string;
  readonly args: readonly string[];
  readonly runtime: Runtime;
  readonly network: NetworkGrant;
  readonly limits: Limits;
  readonly place: SandboxPlace;
  /** Absolute paths of the helpers; null when they are not there. */
  readonly helpers: { readonly bwrap: string | null; readonly prlimit: string | null };
}

/** A program and its arguments. */
export interface Command {
  readonly command: string;
  readonly args: readonly string[];
  /** As in `ChildOptions`. */
  readonly pipesAside?: boolean;
}

/**
 * bwrap's own processes keep the stdin and stdout they were given for as long as they run, so nobody would
 * see the microapp close its own. What is beyond those three they let go: so its pipes come there, and
 * this puts them where it looks for them.
 */
const TAKE_PIPES = 'exec "$0" "$@" <&3 >&4 3<&- 4>&-';

/** What the system's own directories hold is not secret, and every runtime needs some of it. */
const SYSTEM = [
  "/usr",
  "/bin",
  "/sbin",
  "/lib",
  "/lib32",
  "/lib64",
  "/etc/ld.so.cache",
  "/etc/ld.so.conf",
  "/etc/ld.so.conf.d",
  "/etc/alternatives",
  "/etc/ssl",
  "/etc/ca-certificates",
  "/etc/localtime",
  "/etc/mime.types",
];
/** What finding other hosts takes. */
const RESOLVER = ["/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services"];
/** These lie in memory, where no other limit sees them. */
const SCRATCH_BYTES = 64 * 1024 * 1024;

/** Options that make the namespaces; a helper that does not know them all is not used. */
export const BWRAP_NAMESPACES: readonly string[] = [
  "--unshare-all",
  "--unshare-user",
  "--disable-userns",
  "--die-with-parent",
  "--new-session",
  "--cap-drop",
  "ALL",
  "--uid",
  "65534",
  "--gid",
  "65534",
  "--hostname",
  "microapp",
];

/**
 * The command for a job.
 *
 * @throws {CodedError} `sandbox_refused` when its arguments cannot be held to exact permissions, or
 * `prlimit` is needed and missing
 */
export function sandboxCommand(job: SandboxJob): Command {
  return limited(job, atLevel(job));
}

function atLevel(job: SandboxJob): Command {
  const { level, command, args, runtime } = job;
  if (level === "none") return { command, args };
  const heap = heapMegabytes(job.limits);
  if (level === "bwrap") {
    const { bwrap } = job.helpers;
    if (bwrap === null) {
      throw new CodedError("sandbox_refused", 'Cannot confine it: "bwrap" is missing');
    }
    const inner = runtime.kind === "deno"
      ? denoArgs({ ...job, args, heap })
      : runtime.kind === "node"
      ? nodeHeapArgs(args, heap)
      : args;
    const start = ["/bin/sh", "-c", TAKE_PIPES, runtime.program, ...inner];
    return { command: bwrap, args: [...bwrapArgs(job), "--", ...start], pipesAside: true };
  }
  if (runtime.kind === "deno") {
    return { command: runtime.program, args: denoWorkerArgs({ ...job, args, heap }) };
  }
  if (runtime.kind === "node") {
    return { command: runtime.program, args: nodeArgs({ ...job, major: runtime.major, heap }) };
  }
  throw new CodedError("sandbox_refused", "Cannot confine it: its runtime has no permissions");
}

/** Binds come in this order, so that what follows covers what came before. */
function bwrapArgs({ place, runtime, network }: SandboxJob): string[] {
  const readOnly = [
    ...new Set([...runtime.files, ...place.readable, ...place.readableFiles, place.root]),
  ];
  const covered = place.hidden.filter((dir) => readOnly.some((each) => isWithin(each, dir)));
  const bind = (path: string): string[] => ["--ro-bind", path, path];
  const system = network.kind === "none" ? SYSTEM : [...SYSTEM, ...RESOLVER];
  const scratch = (path: string): string[] => ["--size", `${SCRATCH_BYTES}`, "--tmpfs", path];
  return [
    ...BWRAP_NAMESPACES,
    ...(network.kind === "none" ? [] : ["--share-net"]),
    ...system.flatMap((path) => ["--ro-bind-try", path, path]),
    "--proc",
    "/proc",
    "--dev",
    "/dev",
    ...scratch("/tmp"),
    ...scratch("/dev/shm"),
    ...readOnly.filter((path) => path !== place.root).flatMap(bind),
    ...covered.flatMap((path) => ["--tmpfs", path]),
    ...bind(place.root),
    // Its own directory may hold the home, as one script's directory may.
    ...covered.filter((path) => isWithin(place.root, path)).flatMap((path) => ["--tmpfs", path]),
    "--bind",
    place.stateDir,
    place.stateDir,
    "--remount-ro",
    "/dev",
    "--remount-ro",
    "/",
    "--chdir",
    place.root,
  ];
}

function limited({ limits, helpers }: SandboxJob, inner: Command): Command {
  const options = prlimitArgs(limits);
  if (options.length === 0) return inner;
  if (helpers.prlimit === null) {
    throw new CodedError(
      "sandbox_refused",
      'Cannot limit its open files, processor time and file size: "prlimit" is not on PATH; ' +
        'install the Debian package "util-linux"',
    );
  }
  const args = [...options, "--", inner.command, ...inner.args];
  return { ...inner, command: helpers.prlimit, args };
}
