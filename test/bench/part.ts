/**
 * One process of a benchmark, seen from outside: started, asked, measured, ended.
 *
 * @module
 */
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { cpuSecondsOf } from "./cpu.ts";

/** How long a process may take to be ready or to end, in milliseconds, also where others keep the machine busy. */
const LIFE_LIMIT_MS = 180_000;

/** A running process that has said it is ready. */
export interface Part<Ready> extends AsyncDisposable {
  readonly pid: number;
  /** What it said when it was ready. */
  readonly ready: Ready;
  /** Asks it and gives its answer; one question at a time. Rejects when it ends or takes too long. */
  readonly ask: <Answer>(question: unknown, limitMs: number) => Promise<Answer>;
}

/** Starts the compiled `file` with plain Node; it ends when its channel to us closes. */
export async function startPart<Ready>(
  file: string,
  { args = [], env = {}, execArgv = [] }: {
    args?: readonly string[];
    env?: Record<string, string>;
    execArgv?: readonly string[];
  } = {},
): Promise<Part<Ready>> {
  const child = fork(file, [...args], {
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", ...env },
    execArgv: [...execArgv, ...profilingOf(file)],
    // Results go to our standard output; a part's words are for people.
    stdio: ["ignore", 2, 2, "ipc"],
  });
  const exited = once(child, "exit");
  try {
    const ready = await nextMessage<Ready>(child, LIFE_LIMIT_MS);
    return {
      pid: child.pid ?? 0,
      ready,
      ask<Answer>(question: unknown, limitMs: number) {
        child.send(question as object);
        return nextMessage<Answer>(child, limitMs);
      },
      async [Symbol.asyncDispose]() {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.disconnect();
        const force = setTimeout(() => child.kill("SIGKILL"), LIFE_LIMIT_MS);
        await exited;
        clearTimeout(force);
      },
    };
  } catch (error) {
    child.kill("SIGKILL");
    throw error;
  }
}

/** A running program that is no part of the bench. */
export interface Program extends AsyncDisposable {
  readonly pid: number;
  /** What followed when it said that it is ready. */
  readonly said: string;
}

/** Starts a program that ends on SIGTERM; it is ready when `ready` finds its group in a line it prints. */
export async function startProgram(
  command: string,
  { args, env = {}, ready }: {
    args: readonly string[];
    env?: Readonly<Record<string, string>>;
    ready: RegExp;
  },
): Promise<Program> {
  const child = spawn(command, args, {
    env: { PATH: process.env["PATH"] ?? "", ...env },
    stdio: ["ignore", "pipe", 2],
  });
  // It has no channel to us that would end it when we do.
  const stop = (): void => void child.kill("SIGKILL");
  process.once("exit", stop);
  const exited = once(child, "exit").finally(() => process.off("exit", stop));
  const said = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on("line", (line) => {
      const found = ready.exec(line)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`Cannot measure: "${command}" ended: ${code}`)));
    setTimeout(
      () => reject(new Error(`Cannot measure: "${command}" is not ready`)),
      LIFE_LIMIT_MS,
    ).unref();
  }).catch((error: unknown) => {
    stop();
    throw error;
  });
  return {
    pid: child.pid ?? 0,
    said,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      const force = setTimeout(stop, LIFE_LIMIT_MS);
      await exited;
      clearTimeout(force);
    },
  };
}

/** `NEXO_BENCH_PROFILE=<directory>` makes every part write a CPU profile there when it ends. */
function profilingOf(file: string): string[] {
  const dir = process.env["NEXO_BENCH_PROFILE"];
  if (dir === undefined || dir === "") return [];
  const name = file.slice(file.lastIndexOf("/") + 1).replace(/\.js$/, "");
  return [
    "--cpu-prof",
    `--cpu-prof-dir=${dir}`,
    `--cpu-prof-name=${name}.${Date.now()}.cpuprofile`,
  ];
}

function nextMessage<Message>(child: ChildProcess, limitMs: number): Promise<Message> {
  return new Promise((resolve, reject) => {
    const onMessage = (message: unknown): void => {
      end();
      const { failure } = message as { failure?: string };
      if (failure === undefined) resolve(message as Message);
      else reject(new Error(failure));
    };
    const onExit = (code: number | null): void => {
      end();
      reject(new Error(`Cannot measure: "${child.spawnfile}" ended with code ${code}`));
    };
    const timer = setTimeout(() => {
      end();
      reject(new Error(`Cannot measure: no answer in ${limitMs} ms`));
    }, limitMs);
    const end = (): void => {
      clearTimeout(timer);
      child.off("message", onMessage).off("exit", onExit);
    };
    child.once("message", onMessage).once("exit", onExit);
  });
}

/** Runs `work` and tells the processor time each of `parts` spent meanwhile, in seconds. */
export async function withCpu<T>(
  parts: Readonly<Record<string, { readonly pid: number }>>,
  work: () => Promise<T>,
): Promise<{ result: T; cpuSeconds: Record<string, number>; wallSeconds: number }> {
  const read = (): Promise<[string, number][]> =>
    Promise.all(
      Object.entries(parts).map(async ([name, { pid }]) =>
        [name, await cpuSecondsOf(pid)] as const
      ),
    ).then((pairs) => pairs.map(([name, seconds]) => [name, seconds]));
  const before = new Map(await read());
  const startedAtMs = performance.now();
  const result = await work();
  const wallSeconds = (performance.now() - startedAtMs) / 1000;
  const after = await read();
  const cpuSeconds = Object.fromEntries(
    after.map(([name, seconds]) => [name, seconds - (before.get(name) ?? 0)]),
  );
  return { result, cpuSeconds, wallSeconds };
}
