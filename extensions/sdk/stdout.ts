/**
 * Keeps standard output for frames.
 *
 * @module
 */
import process from "node:process";
import type { Writable } from "node:stream";
import type { Output } from "./lines.ts";

/** What prints to standard output on some runtime without passing `process.stdout`. */
const PRINTERS = ["log", "info", "debug", "dir", "table", "group", "groupCollapsed"] as const;

/** Sends a stray `console.log` to stderr until disposed, since core would read it as a frame. */
export function guardStdout(given: Writable | undefined): Disposable & { output: Output } {
  const { stdout, stderr } = process;
  if (given !== undefined) {
    return { output: (text, done) => void given.write(text, done), [Symbol.dispose]() {} };
  }
  const write = stdout.write.bind(stdout);
  const printers = PRINTERS.map((name) => [name, console[name]] as const);
  stdout.write = stderr.write.bind(stderr);
  for (const [name] of printers) console[name] = console.error;
  return {
    output: (text, done) => void write(text, done),
    [Symbol.dispose]() {
      stdout.write = write;
      for (const [name, print] of printers) console[name] = print;
    },
  };
}
