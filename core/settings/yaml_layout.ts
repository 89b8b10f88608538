/**
 * Where the parts of a YAML text stand, to the character.
 *
 * @module
 */
import { isAlias, isMap, isPair, isScalar, isSeq, type Node, type Pair } from "yaml";

/** A layout that is not written in place; see `spliceTowards`. */
export class UnusualLayout extends Error {}

/** A key and its value; null when there is none. */
export type Entry = Pair<Node, Node | null>;

/** The places in one text. */
export interface Layout {
  readonly newline: "\n" | "\r\n";
  /** Behind the colon of a key: where its value begins at the earliest. */
  afterColon(entry: Entry): number;
  /** Behind the last character of an entry; comments do not count. */
  entryEnd(entry: Entry): number;
  /** Behind the last character of a value; comments do not count. */
  contentEnd(node: Node): number;
  /** The dash of a list item. */
  dash(item: Node): number;
  /** How far a key is indented; a dash before it counts. */
  column(node: Node): number;
  lineStart(at: number): number;
  /** Behind the line break of the line that `at` is on. */
  lineEnd(at: number): number;
  /** Behind the lines at `at` that hold nothing but a comment further in than `columns`. */
  pastComments(at: number, columns: number): number;
  /** Before the line break. */
  lineTail(at: number): number;
  /** A line break, when what is put at `at` would not begin a line without it. */
  breakBefore(at: number): string;
}

/** Reads the places in `text`; each throws {@linkcode UnusualLayout} where it does not know its way. */
export function layoutOf(text: string): Layout {
  const newline = text.includes("\r\n") ? "\r\n" : "\n";

  const layout: Layout = {
    newline,
    afterColon({ key }) {
      const end = endOf(key);
      const colon = text.indexOf(":", end);
      if (colon === -1 || text.slice(end, colon).trim() !== "") throw new UnusualLayout();
      return colon + 1;
    },
    entryEnd(entry) {
      const after = layout.afterColon(entry);
      return entry.value === null ? after : Math.max(after, layout.contentEnd(entry.value));
    },
    contentEnd(node) {
      const last = isMap(node) || isSeq(node) ? node.items.at(-1) : undefined;
      if (isMap(node) && node.flow !== true && last !== undefined) {
        return layout.entryEnd(entryOf(last));
      }
      if (isSeq(node) && node.flow !== true && last !== undefined) {
        return layout.contentEnd(itemOf(last));
      }
      let end = endOf(node);
      if (isBlock(node)) { while (/\s/.test(text[end - 1] ?? "x")) end--; }
      return end;
    },
    dash(item) {
      let at = startOf(item) - 1;
      while (/\s/.test(text[at] ?? "x")) at--;
      const before = text.slice(layout.lineStart(at), at);
      if (text[at] !== "-" || before.trim() !== "") throw new UnusualLayout();
      return at;
    },
    column(node) {
      const line = text.slice(layout.lineStart(startOf(node)), startOf(node));
      if (!/^ *(- +)*$/.test(line)) throw new UnusualLayout();
      return line.length;
    },
    lineStart: (at) => text.lastIndexOf("\n", at - 1) + 1,
    lineEnd(at) {
      const end = text.indexOf("\n", at);
      return end === -1 ? text.length : end + 1;
    },
    pastComments(at, columns) {
      let end = at;
      for (;;) {
        const next = layout.lineEnd(end);
        const [indent] = /^ *(?=#)/.exec(text.slice(end, next)) ?? [];
        if (indent === undefined || indent.length <= columns) return end;
        end = next;
      }
    },
    lineTail(at) {
      const end = layout.lineEnd(at);
      if (text[end - 1] !== "\n") return end;
      return text[end - 2] === "\r" ? end - 2 : end - 1;
    },
    breakBefore: (at) => at === 0 || text[at - 1] === "\n" ? "" : newline,
  };
  return layout;
}

/** An entry whose key is plain text. */
export function entryOf(pair: unknown): Entry {
  if (!isPair(pair) || !isScalar(pair.key) || pair.key.range == null) throw new UnusualLayout();
  return pair as Entry;
}

/** The key that brings in the members of other maps. */
export const MERGE_KEY = "<<";

/** The name of an entry. */
export function nameOf({ key }: Pair): string {
  if (!isScalar(key)) return "";
  return typeof key.value === "symbol" ? MERGE_KEY : String(key.value);
}

/** An item of a list. */
export function itemOf(item: unknown): Node {
  if (isMap(item) || isSeq(item) || isScalar(item) || isAlias(item)) return item;
  throw new UnusualLayout();
}

/** Whether a node stands on lines of its own. */
export function isBlock(node: Node | null): boolean {
  if (isMap(node) || isSeq(node)) return node.flow !== true;
  return isScalar(node) && (node.type === "BLOCK_LITERAL" || node.type === "BLOCK_FOLDED");
}

/** Where a node begins. */
export function startOf(node: Node): number {
  if (node.range == null) throw new UnusualLayout();
  return node.range[0];
}

/** Where a node ends. */
export function endOf(node: Node): number {
  if (node.range == null) throw new UnusualLayout();
  return node.range[1];
}
