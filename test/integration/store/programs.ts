/**
 * Runs the programs of this suite as processes of their own.
 *
 * @module
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** A running program. Disposing kills it when it still runs. */
export interface Program extends AsyncDisposable {
  readonly process: ChildProcessWithoutNullStreams;
  /** Every line printed so far. */
  readonly lines: readonly string[];
  /** Resolves when `isDone` holds for the lines so far; rejects when the program ended before. */
  until(isDone: (lines: readonly string[]) => boolean): Promise<void>;
  /** Resolves when `count` lines were printed; rejects when the program ended before. */
  printed(count: number): Promise<void>;
  /** Resolves when it has ended and all its output is read. */
  ended(): Promise<void>;
}

/** The command line of a program in `programs/`. */
export function commandOf(name: string, args: readonly string[]): string[] {
  const script = join(import.meta.dirname, "programs", `${name}.ts`);
  return [process.execPath, "--import", import.meta.resolve("tsx"), script, ...args];
}

/** Starts a command. */
export function startProgram([file = "", ...args]: readonly string[]): Program {
  const child = spawn(file, args);
  const lines: string[] = [];
  let errors = "";
  let closed = false;
  let wake = (): void => {};
  child.stderr.on("data", (chunk: Buffer) => errors += chunk.toString());
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    wake();
  });
  child.on("close", () => {
    closed = true;
    wake();
  });

  async function until(isDone: (lines: readonly string[]) => boolean): Promise<void> {
    while (!isDone(lines)) {
      if (closed) throw new Error(`The program ended too early: ${errors}`);
      await new Promise<void>((resolve) => wake = resolve);
    }
  }

  async function ended(): Promise<void> {
    if (!closed) await once(child, "close");
  }

  return {
    process: child,
    lines,
    until,
    printed: (count) => until(() => lines.length >= count),
    ended,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await ended();
    },
  };
}
