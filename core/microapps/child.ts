/**
 * One child process and everything it starts.
 *
 * @module
 */
import { type ChildProcess, spawn, type StdioOptions } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { Duplex, type Readable, type Writable } from "node:stream";
import { CodedError, messageOf } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";

/** What to start. */
export interface ChildOptions {
  /** `./x` starts from `cwd`, a bare name is looked up on the child's `PATH`; no shell. */
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Whether its stdin and stdout are handed over as descriptors 3 and 4. @default {false} */
  readonly pipesAside?: boolean;
}

/** A running child. */
export interface Child {
  readonly pid: number;
  readonly stdin: Writable;
  readonly stdout: Readable;
  readonly stderr: Readable;
  /** Resolves with a sentence once the child is gone, its pipes are read and its group is dead. */
  readonly exited: Promise<string>;
  /** Signals the child and all that it started. */
  signal(name: "SIGTERM" | "SIGKILL"): void;
}

/** How long after its end a child's pipes may stay open, in milliseconds. */
const PIPES_MS = 1_000;

/** Signals a whole process group; a group that is gone is fine. */
function signalGroup(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(-pid, name);
  } catch {
    // Nobody is left in it.
  }
}

/** Groups to kill when this process ends; one listener does for all of them. */
const atExit = new Set<number>();

function killAtExit(pid: number): () => void {
  if (atExit.size === 0) process.once("exit", killAll);
  atExit.add(pid);
  return () => {
    atExit.delete(pid);
    if (atExit.size === 0) process.removeListener("exit", killAll);
  };
}

function killAll(): void {
  for (const pid of atExit) signalGroup(pid, "SIGKILL");
}

/**
 * Starts a child as the leader of its own process group, so that its children can be ended with it.
 *
 * @throws {CodedError} `microapp_handshake` when it cannot be started
 */
export async function openChild(
  { command, args, cwd, env, pipesAside = false }: ChildOptions,
): Promise<Child> {
  const path = command.includes("/") ? resolve(cwd, command) : command;
  let started: ChildProcess;
  try {
    const stdio: StdioOptions = pipesAside
      ? ["ignore", "ignore", "pipe", "pipe", "pipe"]
      : ["pipe", "pipe", "pipe"];
    started = spawn(path, args, { cwd, env, stdio, detached: true });
    await once(started, "spawn");
  } catch (error) {
    throw new CodedError(
      "microapp_handshake",
      `Cannot start "${command}": ${whyNot(error, path)}`,
      {
        cause: error,
      },
    );
  }
  const { pid } = started;
  if (pid === undefined) throw new CodedError("internal", `Cannot start "${command}": no pid`);
  const { stdin, stdout, stderr } = pipesOf(started, pipesAside);
  // A child that is gone or closed its stdin breaks the pipe; its exit tells the story.
  stdin.on("error", () => {});

  // Should core end without disposing the host, nobody else would stop what ignores its closed stdin.
  const spare = killAtExit(pid);

  const closed = once(started, "close");
  async function end(): Promise<string> {
    const [code, signal] = await once(started, "exit") as [number | null, string | null];
    spare();
    stdin.destroy();
    // The rest of the group holds the pipes open, and would outlive its leader.
    signalGroup(pid as number, "SIGKILL");
    const late = new AbortController();
    await Promise.race([closed, delay(PIPES_MS, { signal: late.signal }).catch(() => {})]);
    late.abort();
    for (const stream of [stdout, stderr]) stream.destroy();
    return signal === null ? `exited with code ${code}` : `ended by ${signal}`;
  }

  return {
    pid,
    stdin,
    stdout,
    stderr,
    exited: end(),
    signal: (name) => signalGroup(pid, name),
  };
}

function pipesOf(
  { stdio }: ChildProcess,
  pipesAside: boolean,
): Pick<Child, "stdin" | "stdout" | "stderr"> {
  const [stdin, stdout] = pipesAside ? [stdio[3], stdio[4]] : stdio;
  // Pipes aside go both ways; what the child says on its stdin ends nothing.
  if (pipesAside && stdin instanceof Duplex) stdin.allowHalfOpen = true;
  return { stdin: stdin as Writable, stdout: stdout as Readable, stderr: stdio[2] as Readable };
}

function whyNot(error: unknown, path: string): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "ENOENT" && path.includes("/") && existsSync(path)) {
    return "the program named in its first line (#!) does not exist";
  }
  if (code === "ENOENT") return "no such program, or no such directory to start it in";
  if (code === "EACCES") return "it is not executable";
  return messageOf(error);
}
