/**
 * A child process that is watched from start to end: its limits, its last words, its descendants.
 *
 * @module
 */
import { type Clock, messageOf } from "../contract/mod.ts";
import { openDeadline } from "../flow/deadline.ts";
import { type Log } from "../flow/log.ts";
import { type Child, type ChildOptions, openChild } from "./child.ts";
import { forgetProcess, noteProcess } from "./leftover.ts";
import { readStderr, type Tail } from "./stderr.ts";

/** What a guarded child needs. */
export interface GuardedChildDeps {
  /** Prepares what to start; called for each start. */
  readonly prepare: () => Promise<ChildOptions>;
  readonly tail: Tail;
  /** Watches the limits of a process until the returned function is called; a breach ends it. */
  readonly guard: (pid: number, onBreach: (reason: string) => void) => () => void;
  /** Ends what its process started and lost sight of. */
  readonly sweep: () => Promise<void>;
  /** Where the running process is written down. */
  readonly pidFile: string;
  /** What its descendants carry in their environment. */
  readonly mark: string;
  readonly now: Clock;
  readonly log: Log;
}

/** A running child. Disposing kills what is left of it and resolves when nothing is. */
export interface GuardedChild extends AsyncDisposable {
  readonly child: Child;
  /** Resolves with why the child is gone; a broken limit comes before its exit code. */
  readonly ended: Promise<string>;
  /** Why it was killed for a limit, if it was. */
  readonly breach: () => string | undefined;
}

/**
 * How long a child may live on after closing its stdout, in milliseconds; longer than the pipes of one
 * that has ended may stay open.
 */
const CLOSED_STDOUT_MS = 1_500;

/**
 * Starts the child. One that can no longer be talked to is killed, unless `signal` has aborted: then
 * it is on its way out already.
 *
 * @throws {CodedError} `microapp_handshake` and what `prepare` throws
 */
export async function openGuardedChild(
  deps: GuardedChildDeps,
  signal: AbortSignal,
): Promise<GuardedChild> {
  const { tail, log, now } = deps;
  const child = await openChild(await deps.prepare());
  readStderr({ input: child.stderr, log, tail, now });
  let breach: string | undefined;
  const stop = (why: string): void => {
    breach = why;
    tail.add(`nexo: stopped, it ${why}`);
    child.signal("SIGKILL");
  };
  const unguard = deps.guard(child.pid, stop);
  const ended = endOf(child, signal, stop).then((why) => breach ?? why);
  // Before it is of use to anybody: of a core that is killed, the next one ends what is noted.
  await noteProcess(deps.pidFile, child.pid, deps.mark).catch((error: unknown) =>
    log.warn("microapp.pid_file_failed", { error: messageOf(error) })
  );
  return {
    child,
    ended,
    breach: () => breach,
    async [Symbol.asyncDispose]() {
      child.signal("SIGKILL");
      await child.exited;
      unguard();
      await deps.sweep();
      await forgetProcess(deps.pidFile);
    },
  };
}

async function endOf(
  child: Child,
  signal: AbortSignal,
  stop: (why: string) => void,
): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  // It is deaf, or has just ended: its exit code may tell.
  child.stdin.once("error", () => {
    if (!signal.aborted) child.signal("SIGKILL");
  });
  child.stdout.once("end", () => {
    timer = setTimeout(() => {
      if (!signal.aborted) stop("closed its stdout and lived on");
    }, CLOSED_STDOUT_MS);
  });
  const why = await child.exited;
  clearTimeout(timer);
  return why;
}

/** How long a child is asked to end before it is made to. */
export interface StopTimeouts {
  /** From the request to SIGTERM, in milliseconds. */
  readonly politeMs: number;
  /** From the request to SIGKILL, in milliseconds. */
  readonly killMs: number;
}

/** Closes stdin, waits until `polite` aborts, then SIGTERM, and waits once more. */
export async function endChild(
  child: Child,
  ended: Promise<unknown>,
  { polite, graceMs }: { readonly polite: AbortSignal; readonly graceMs: number },
): Promise<void> {
  child.stdin.end();
  if (await settlesBefore(ended, polite)) return;
  child.signal("SIGTERM");
  using last = openDeadline(undefined, graceMs);
  await settlesBefore(ended, last.signal);
}

/** Waits for the end of the child or of the signal; says whether it was the child. */
export async function settlesBefore(
  ended: Promise<unknown>,
  signal: AbortSignal,
): Promise<boolean> {
  let stop: () => void = () => {};
  const stopped = new Promise<boolean>((resolve) => {
    stop = () => resolve(false);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
  const first = await Promise.race([ended.then(() => true), stopped]);
  signal.removeEventListener("abort", stop);
  return first;
}
