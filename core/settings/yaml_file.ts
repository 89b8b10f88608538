/**
 * A YAML file with the place of everything in it.
 *
 * @module
 */
import {
  type Document,
  isAlias,
  isMap,
  isPair,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";
import type { Problem } from "./problems.ts";

const MAX_FILE_CHARS = 8 * 1024 * 1024;

/** Keys and indexes from the top of a file. */
export type Path = readonly (string | number)[];

/** A place in a file; both from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** A file that could be read, or the reasons why not. */
export interface YamlFile {
  /** Absolute. */
  readonly file: string;
  /** Plain JSON-like data; undefined when there are `problems`. An empty file is null. */
  readonly value: unknown;
  readonly problems: readonly Problem[];
  /** Where the key (or list item) `path` stands, or what is nearest to it. `offset` counts into a plain value. */
  readonly place: (path: Path, of?: "key" | "value", offset?: number) => Place;
}

/** YAML 1.2 with merge keys. What is odd is told as a problem, and not by the library on standard error. */
export const YAML_OPTIONS = { merge: true, logLevel: "error" } as const;

/** Reads YAML; all syntax errors become problems. */
export function readYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  const problem = (at: number, message: string, fix: string): Problem => {
    const { line, col } = lines.linePos(at);
    return {
      severity: "error",
      blocking: true,
      file,
      line: Math.max(line, 1),
      column: Math.max(col, 1),
      path: [],
      message,
      fix,
    };
  };
  const failed = (...problems: Problem[]): YamlFile => ({
    file,
    value: undefined,
    problems,
    place: () => ({ line: 1, column: 1 }),
  });
  if (text.length > MAX_FILE_CHARS) {
    return failed(problem(0, "the file is over 8 MiB", "Split it, for example into agents.d/"));
  }
  try {
    const doc = parseDocument(text, { ...YAML_OPTIONS, lineCounter: lines, prettyErrors: false });
    if (doc.errors.length > 0) {
      return failed(
        ...doc.errors.map((error) =>
          problem(error.pos[0], `cannot be read as YAML: ${error.message}`, hintOf(error.code))
        ),
      );
    }
    const place = (path: Path, of: "key" | "value" = "key", offset = 0): Place => {
      const { line, col } = lines.linePos(offsetOf(doc, path, of) + offset);
      return { line: Math.max(line, 1), column: Math.max(col, 1) };
    };
    return { file, value: doc.toJS({ maxAliasCount: 100 }), problems: [], place };
  } catch (error) {
    // Nesting or aliases beyond what the parser takes; no file written by hand gets here.
    const detail = error instanceof Error ? error.message : String(error);
    return failed(
      problem(0, `cannot be read as YAML: ${detail}`, "Nest less and use fewer aliases"),
    );
  }
}

function hintOf(code: string): string {
  switch (code) {
    case "DUPLICATE_KEY":
      return "Keep one of the two keys";
    case "TAB_AS_INDENT":
      return "Indent with spaces";
    case "MULTIPLE_DOCS":
      return 'Keep one document: remove the second "---"';
    default:
      return "Check the indentation and quotes here and on the line above";
  }
}

function resolved(doc: Document, node: unknown): Node | undefined {
  if (isAlias(node)) return node.resolve(doc);
  return isMap(node) || isSeq(node) || isScalar(node) ? node : undefined;
}

/** The offset of the deepest part of `path` that exists. */
function offsetOf(doc: Document, path: Path, of: "key" | "value"): number {
  let node: Node | undefined = resolved(doc, doc.contents);
  let offset = node?.range?.[0] ?? 0;
  for (const [depth, part] of path.entries()) {
    let next: unknown;
    let keyOffset: number | undefined;
    if (isMap(node)) {
      const pair = node.items.find(({ key }) =>
        isScalar(key) && String(key.value) === String(part)
      );
      if (!isPair(pair)) break;
      next = pair.value;
      keyOffset = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
    } else if (isSeq(node)) {
      next = node.items[Number(part)];
      if (next === undefined) break;
    } else break;
    const start = isMap(next) || isSeq(next) || isScalar(next) || isAlias(next)
      ? next.range?.[0]
      : undefined;
    const last = depth === path.length - 1;
    offset = (last && of === "key" ? keyOffset ?? start : start ?? keyOffset) ?? offset;
    node = resolved(doc, next);
  }
  return offset;
}
