/**
 * A program that is started, waited for and ended, again and again.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import type { Readable } from "node:stream";
import { createInterface } from "node:readline";
import { cpuSecondsOf } from "./cpu.ts";
import type { Side } from "./row.ts";
import { median } from "./statistics.ts";

/** How long it may take to be ready or to end, in milliseconds. */
const LIFE_LIMIT_MS = 30_000;

/** A program for plain Node that ends on SIGTERM. */
export interface BootProgram {
  /** Compiled. */
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** It is ready once so many of its lines, on either stream, match `line`. */
  readonly ready: { readonly line: RegExp; readonly times: number };
  /** A line that says it will never be. */
  readonly failed?: RegExp;
}

/** A round starts it at least once; its value is the median time until it is ready, in milliseconds. */
export function openBootSide(program: BootProgram): Side {
  return {
    async round(durationMs) {
      const untilMs = performance.now() + durationMs;
      const boots = [await boot(program)];
      while (performance.now() < untilMs) boots.push(await boot(program));
      return {
        value: median(boots.map(({ readyMs }) => readyMs)),
        cores: { booting: median(boots.map(({ cores }) => cores)) },
      };
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** One start and end; what ending takes is not counted. */
async function boot(program: BootProgram): Promise<{ readyMs: number; cores: number }> {
  const startedAtMs = performance.now();
  const child = spawn(process.execPath, [program.file, ...program.args], {
    env: { PATH: process.env["PATH"] ?? "", NODE_ENV: "production", ...program.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  // It has no channel to us that would end it when we do.
  const kill = (): void => void child.kill("SIGKILL");
  process.once("exit", kill);
  const exited = once(child, "exit").finally(() => process.off("exit", kill));
  try {
    await untilReady(child, program);
    const readyMs = performance.now() - startedAtMs;
    return { readyMs, cores: await cpuSecondsOf(child.pid ?? 0) / (readyMs / 1000) };
  } finally {
    child.kill("SIGTERM");
    const force = setTimeout(kill, LIFE_LIMIT_MS);
    await exited;
    clearTimeout(force);
  }
}

function untilReady(child: ChildProcess, { file, ready, failed }: BootProgram): Promise<void> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => fail(`is not ready in ${LIFE_LIMIT_MS} ms`), LIFE_LIMIT_MS);
    const fail = (why: string): void => {
      clearTimeout(late);
      reject(new Error(`Cannot measure: "${file}" ${why}`));
    };
    let found = 0;
    let last = "";
    const hear = (line: string): void => {
      last = line;
      if (failed?.test(line) === true) fail(`says ${line}`);
      if (!ready.line.test(line)) return;
      found += 1;
      if (found < ready.times) return;
      clearTimeout(late);
      resolve();
    };
    for (const input of [child.stdout, child.stderr]) {
      createInterface({ input: input as Readable }).on("line", hear);
    }
    child.once("error", ({ message }) => fail(`cannot be started: ${message}`));
    child.once("exit", (code) => fail(`ended with code ${code}: ${last}`));
  });
}
