/**
 * What is wrong with the config, where, and what to do about it.
 *
 * @module
 */
import { relative } from "node:path";
import { styleText } from "node:util";

/** One thing wrong. Never holds a value that could be secret. */
export interface Problem {
  readonly severity: "error" | "warning";
  /** Whether a daemon must not use this config; a problem of one part only stops that part. */
  readonly blocking: boolean;
  /** Absolute path. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1. */
  readonly column: number;
  /** Keys and indexes from the top of the file. */
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly fix: string;
}

/** `agents[0].model.provider`; empty for the file itself. */
export function pathText(path: readonly PropertyKey[]): string {
  let text = "";
  for (const part of path) {
    if (typeof part === "number") text += `[${part}]`;
    else text += text === "" ? String(part) : `.${String(part)}`;
  }
  return text;
}

/** How {@linkcode formatProblems} writes. */
export interface FormatOptions {
  /** @default {false} */
  readonly color?: boolean;
  /** Files below it are written relative to it. */
  readonly cwd?: string;
}

/** `config/agents.yaml:12:5 error  <message>` and an indented line with the fix, per problem. */
export function formatProblems(
  problems: readonly Problem[],
  { color = false, cwd }: FormatOptions = {},
): string {
  const paint = (format: Parameters<typeof styleText>[0], text: string) =>
    color ? styleText(format, text, { validateStream: false }) : text;
  return problems.map(({ file, line, column, severity, message, fix }) => {
    const inside = cwd === undefined ? file : relative(cwd, file);
    const place = `${inside.startsWith("..") ? file : inside}:${line}:${column}`;
    const word = paint(severity === "error" ? "red" : "yellow", severity.padEnd(7));
    return `${paint("bold", place)} ${word} ${message}\n    fix: ${fix}\n`;
  }).join("");
}

/** Orders problems as they stand in the files, each file once. */
export function sortProblems(problems: readonly Problem[]): Problem[] {
  return problems.toSorted((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column
  );
}

/** How many edits (insert, remove, replace, swap neighbours) lead from `a` to `b`. */
function editDistance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let best = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (before[j - 2] ?? 0) + 1);
      }
      row.push(best);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}

/** The name someone meant by `word`, when one of `names` is close. */
export function closest(word: string, names: Iterable<string>): string | undefined {
  if (word.length > 128) return undefined;
  const limit = Math.max(1, Math.floor(word.length / 3));
  let best: { name: string; distance: number } | undefined;
  for (const name of names) {
    if (Math.abs(name.length - word.length) > limit) continue;
    const distance = editDistance(word.toLowerCase(), name.toLowerCase());
    if (distance <= limit && (best === undefined || distance < best.distance)) {
      best = { name, distance };
    }
  }
  return best?.name;
}
