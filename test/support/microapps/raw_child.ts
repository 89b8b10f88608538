/**
 * A child process spoken to byte by byte.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

/** A frame as it was read. */
export type Frame = Readonly<Record<string, unknown>>;

/** A running child. Disposing kills it. */
export interface RawChild extends AsyncDisposable {
  /** Writes exactly this. */
  write(text: string): void;
  /** The next line of stdout, parsed; every line must be a JSON object. */
  read(): Promise<Frame>;
  /** Closes stdin. */
  end(): void;
  /** Resolves with the exit code and all that stdout gave beyond the lines read. */
  exit(): Promise<{ code: number | null; rest: Frame[] }>;
}

/** Starts a child. */
export function openRawChild(
  { command, args, cwd, stateDir }: {
    command: string;
    args: readonly string[];
    cwd: string;
    stateDir: string;
  },
): RawChild {
  const child = spawn(command, args, {
    cwd,
    env: { PATH: process.env["PATH"], NEXO_EXTENSION_STATE_ROOT: stateDir },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  async function next(): Promise<Frame | null> {
    const { value, done } = await lines.next();
    return done === true ? null : JSON.parse(value) as Frame;
  }
  return {
    write: (text) => void child.stdin.write(text),
    async read() {
      const frame = await next();
      if (frame === null) throw new Error("Cannot read a frame: the child closed its stdout");
      return frame;
    },
    end: () => void child.stdin.end(),
    async exit() {
      const rest: Frame[] = [];
      for (let frame = await next(); frame !== null; frame = await next()) rest.push(frame);
      const [code] = await exited as [number | null];
      return { code, rest };
    },
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await exited;
    },
  };
}
