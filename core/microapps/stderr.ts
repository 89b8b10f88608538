/**
 * A child's stderr as log lines.
 *
 * @module
 */
import type { Readable } from "node:stream";
import { stripVTControlCharacters } from "node:util";
import type { Clock } from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import { createLineSplitter } from "./framing.ts";

/** How loud a line is. */
export type Level = "debug" | "info" | "warn" | "error";

const LEVELS: Readonly<Record<string, Level>> = {
  DEBUG: "debug",
  INFO: "info",
  WARN: "warn",
  ERROR: "error",
};
const prefix = /^\[(DEBUG|INFO|WARN|ERROR)\]\s*/;

/** A line without its terminal colours and its `[LEVEL]`, which defaults to info. */
export function readLogLine(line: string): { level: Level; text: string } {
  const plain = stripVTControlCharacters(line);
  const match = prefix.exec(plain);
  return {
    level: LEVELS[match?.[1] ?? "INFO"] ?? "info",
    text: match === null ? plain : plain.slice(match[0].length),
  };
}

/** The last lines of something. */
export interface Tail {
  add(line: string): void;
  /** Takes a line that says little; of these few are kept, so that they push out nothing else. */
  addStray(line: string): void;
  lines(): string[];
}

/** Of so many lines of a tail one may be a stray. */
const STRAY_SHARE = 2;

/** Keeps the last `size` lines, as `clean` leaves them; half of them are strays at most. */
export function createTail(size: number, clean: (line: string) => string = (line) => line): Tail {
  const kept: { readonly line: string; readonly stray: boolean }[] = [];
  let strays = 0;
  function keep(line: string, stray: boolean): void {
    kept.push({ line: clean(line), stray });
    if (stray) strays += 1;
    const tooMany = strays > size / STRAY_SHARE;
    if (!tooMany && kept.length <= size) return;
    const at = tooMany ? kept.findIndex((each) => each.stray) : 0;
    const [gone] = kept.splice(at, 1);
    if (gone?.stray === true) strays -= 1;
  }
  return {
    add: (line) => keep(line, false),
    addStray: (line) => keep(line, true),
    lines: () => kept.map(({ line }) => line),
  };
}

const MAX_LINE_BYTES = 64 * 1024;
const MAX_SHOWN_CHARS = 2048;
const MAX_LINES_PER_SECOND = 200;
const PAUSE_MS = 20;

/**
 * Logs each line of `input` and keeps the last in `tail`. Beyond 200 lines a second the rest is only
 * counted, and the child is slowed down.
 */
export function readStderr(
  { input, log, tail, now }: { input: Readable; log: Log; tail: Tail; now: Clock },
): void {
  let second = 0;
  let lines = 0;
  let dropped = 0;

  function take(line: string): void {
    const current = Math.floor(now() / 1000);
    if (current !== second) {
      if (dropped > 0) log.warn("microapp.stderr_dropped", { lines: dropped });
      [second, lines, dropped] = [current, 0, 0];
    }
    const { level, text } = readLogLine(line);
    const shown = text.slice(0, MAX_SHOWN_CHARS);
    tail.add(shown);
    lines += 1;
    if (lines <= MAX_LINES_PER_SECOND) log[level]("microapp.stderr", { text: shown });
    else dropped += 1;
  }

  const splitter = createLineSplitter({
    maxBytes: MAX_LINE_BYTES,
    onLine: take,
    onTooLong: () => take(`(a line over ${MAX_LINE_BYTES} bytes, dropped)`),
  });
  input.on("data", (chunk: Buffer) => {
    splitter.push(chunk);
    if (dropped === 0) return;
    input.pause();
    setTimeout(() => input.resume(), PAUSE_MS);
  });
  input.on("end", () => splitter.end());
}
