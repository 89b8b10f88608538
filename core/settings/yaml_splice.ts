/**
 * The changes to a YAML text, as few as can be, that make it say something else.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import {
  type Document,
  isMap,
  isPair,
  isSeq,
  type Node,
  stringify,
  type YAMLMap,
  type YAMLSeq,
} from "yaml";
import {
  endOf,
  type Entry,
  entryOf,
  isBlock,
  itemOf,
  type Layout,
  layoutOf,
  MERGE_KEY,
  nameOf,
  startOf,
  UnusualLayout,
} from "./yaml_layout.ts";

type Members = Readonly<Record<string, unknown>>;

/** A text under change. */
interface Draft {
  readonly doc: Document;
  readonly text: string;
  readonly layout: Layout;
  /** Puts `insert` where `text.slice(start, end)` stands. */
  readonly put: (start: number, end: number, insert: string) => void;
}

/** The text that says `goal`, changed in place; undefined for layouts not known here. */
export function spliceTowards(doc: Document, text: string, goal: unknown): string | undefined {
  const splices: { start: number; end: number; insert: string }[] = [];
  const put: Draft["put"] = (start, end, insert) => void splices.push({ start, end, insert });
  const draft: Draft = { doc, text, layout: layoutOf(text), put };
  try {
    if (doc.contents === null) appendLines(draft, text.length, stringifyBlock(goal), 0);
    else morph(draft, doc.contents, goal);
  } catch (error) {
    if (error instanceof UnusualLayout) return undefined;
    throw error;
  }
  let result = "";
  let at = 0;
  for (const { start, end, insert } of splices.toSorted((a, b) => a.start - b.start)) {
    // A splice inside one before it has nothing left to take away.
    result += text.slice(at, Math.max(at, start)) + insert;
    at = Math.max(at, end);
  }
  return result + text.slice(at);
}

/** Changes a collection in place. */
function morph(draft: Draft, node: Node, goal: unknown): void {
  if (isDeepStrictEqual(node.toJS(draft.doc), goal)) return;
  if (isMap(node) && isMembers(goal)) {
    return node.flow === true ? flowMap(draft, node, goal) : blockMap(draft, node, goal);
  }
  if (isSeq(node) && Array.isArray(goal)) {
    return node.flow === true ? flowSeq(draft, node, goal) : blockSeq(draft, node, goal);
  }
  throw new UnusualLayout();
}

function blockMap(draft: Draft, map: YAMLMap, goal: Members): void {
  const { layout, doc } = draft;
  const entries = map.items.map(entryOf);
  const names = entries.map(nameOf);
  if (!keepsSome(map, goal)) throw new UnusualLayout();
  const stays = (name: string) => name === MERGE_KEY || Object.hasOwn(goal, name);
  const firstKept = entries.find((entry) => stays(nameOf(entry)));
  for (const entry of entries) {
    const name = nameOf(entry);
    if (!stays(name)) removeEntry(draft, entry, firstKept);
    else if (name !== MERGE_KEY) entryValue(draft, entry, goal[name]);
  }
  const said = map.toJS(doc) as Members; // with what merge keys bring
  const added = Object.entries(goal).filter(([name, value]) =>
    !names.includes(name) && !(Object.hasOwn(said, name) && isDeepStrictEqual(said[name], value))
  );
  const [first, last] = [entries[0], entries.at(-1)];
  if (added.length === 0 || first === undefined || last === undefined) return;
  const column = layout.column(first.key);
  const at = layout.pastComments(layout.lineEnd(layout.entryEnd(last)), column);
  appendLines(draft, at, stringifyBlock(Object.fromEntries(added)), column);
}

/** Changes the value behind a key of a block map. */
function entryValue(draft: Draft, entry: Entry, goal: unknown): void {
  const { value } = entry;
  const { layout, text, put, doc } = draft;
  if (isDeepStrictEqual(value === null ? null : value.toJS(doc), goal)) return;
  const after = layout.afterColon(entry);
  const end = layout.entryEnd(entry);
  const bare = !text.slice(after, end).includes("#");
  if (value !== null && canMorph(value, goal) && tryMorph(draft, value, goal, bare)) return;
  if (value !== null && !isBlock(value) && isInline(goal) && end > after) {
    // The place of a one-line value is known to the character, and so is what stands around it.
    return put(startOf(value), end, inline(goal));
  }
  const [firstLine = ""] = text.slice(after, end).split(/\r?\n/, 1);
  const head = isBlock(value) && firstLine.trim().startsWith("#") ? firstLine.trimEnd() : "";
  const tail = text.slice(end, layout.lineTail(end)).trimEnd();
  const column = layout.column(entry.key);
  const next = layout.lineEnd(end);
  // A comment that stands further in would become part of a text of several lines.
  const remarked = tail !== "" || layout.pastComments(next, column) > next;
  if (isInline(goal) || (typeof goal === "string" && remarked)) {
    return put(after, end, ` ${inline(goal)}${head}`);
  }
  const lines = linesBehindKey(goal, column, layout.newline);
  put(after, layout.lineTail(end), `${head}${tail}${lines}`);
}

/** Whether it could be done in place; when it could not and `mayFail`, nothing has changed. */
function tryMorph(draft: Draft, node: Node, goal: unknown, mayFail: boolean): boolean {
  const puts: Parameters<Draft["put"]>[] = [];
  try {
    morph({ ...draft, put: (...put) => void puts.push(put) }, node, goal);
  } catch (error) {
    if (mayFail && error instanceof UnusualLayout) return false;
    throw error;
  }
  for (const put of puts) draft.put(...put);
  return true;
}

function removeEntry({ layout, text, put }: Draft, entry: Entry, firstKept: Entry | undefined) {
  const start = startOf(entry.key);
  const lineStart = layout.lineStart(start);
  const kept = firstKept === undefined ? text.length : startOf(firstKept.key);
  if (text.slice(lineStart, start).trim() === "") {
    return put(lineStart, layout.lineEnd(layout.entryEnd(entry)), "");
  }
  // The first key of a list item shares its line with the dash, which must get the first that stays.
  const gap = text.slice(layout.entryEnd(entry), kept);
  if (firstKept === undefined || gap.includes("#")) throw new UnusualLayout();
  put(start, kept, "");
}

function blockSeq(draft: Draft, seq: YAMLSeq, goal: readonly unknown[]): void {
  const { layout, doc } = draft;
  const items = seq.items.map(itemOf);
  const values = items.map((item) => item.toJS(doc) as unknown);
  let head = 0;
  while (head < values.length && isDeepStrictEqual(values[head], goal[head])) head++;
  let tail = 0;
  const most = Math.min(values.length, goal.length) - head;
  while (tail < most && isDeepStrictEqual(values.at(-1 - tail), goal.at(-1 - tail))) tail++;
  const old = items.slice(head, items.length - tail);
  const fresh = goal.slice(head, goal.length - tail);

  old.forEach((item, i) => {
    if (i >= fresh.length) removeItem(draft, item);
    else if (canMorph(item, fresh[i])) morph(draft, item, fresh[i]);
    else replaceItem(draft, item, fresh[i]);
  });
  const added = fresh.slice(old.length);
  const [first, before] = [items[0], items[head + old.length - 1]];
  if (added.length === 0) return;
  if (first === undefined) throw new UnusualLayout();
  const dash = layout.dash(first);
  const column = dash - layout.lineStart(dash);
  const at = before === undefined
    ? layout.lineStart(dash)
    : layout.pastComments(layout.lineEnd(layout.contentEnd(before)), column);
  appendLines(draft, at, stringifyBlock(added), column);
}

function replaceItem(draft: Draft, item: Node, goal: unknown): void {
  const { layout, put } = draft;
  const end = layout.contentEnd(item);
  if (!isBlock(item) && isInline(goal)) return put(startOf(item), end, inline(goal));
  const dash = layout.dash(item);
  const start = layout.lineStart(dash);
  put(start, layout.lineEnd(end), toLines(draft, stringifyBlock([goal]), dash - start));
}

function removeItem({ layout, put }: Draft, item: Node): void {
  put(layout.lineStart(layout.dash(item)), layout.lineEnd(layout.contentEnd(item)), "");
}

function flowMap(draft: Draft, map: YAMLMap, goal: Members): void {
  const entries = map.items.map(entryOf);
  const names = entries.map(nameOf);
  const last = entries.at(-1)?.value;
  if (last == null || names.some((name) => !Object.hasOwn(goal, name))) {
    return flowAnew(draft, map, goal);
  }
  entries.forEach(({ value }, i) => {
    if (value === null || startOf(value) === endOf(value)) throw new UnusualLayout();
    flowValue(draft, value, goal[names[i] ?? ""]);
  });
  const added = Object.entries(goal).filter(([name]) => !names.includes(name));
  const text = added.map(([name, value]) => `, ${inline(name)}: ${inline(value)}`).join("");
  if (text !== "") draft.put(endOf(last), endOf(last), text);
}

function flowSeq(draft: Draft, seq: YAMLSeq, goal: readonly unknown[]): void {
  const items = seq.items;
  const last = items.at(-1);
  if (last === undefined || isPair(last) || goal.length < items.length) {
    return flowAnew(draft, seq, goal);
  }
  items.forEach((item, i) => flowValue(draft, itemOf(item), goal[i]));
  const text = goal.slice(items.length).map((value) => `, ${inline(value)}`).join("");
  const end = endOf(itemOf(last));
  if (text !== "") draft.put(end, end, text);
}

function flowValue(draft: Draft, value: Node, goal: unknown): void {
  if (isDeepStrictEqual(value.toJS(draft.doc), goal)) return;
  if (canMorph(value, goal)) morph(draft, value, goal);
  else draft.put(startOf(value), endOf(value), inline(goal));
}

function flowAnew({ text, put }: Draft, node: Node, goal: unknown): void {
  const [start, end] = [startOf(node), endOf(node)];
  // A comment between brackets has no place on one line.
  if (/(^|\s)#/.test(text.slice(start, end))) throw new UnusualLayout();
  put(start, end, inline(goal));
}

function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Whether a node can become `goal` with something of it left standing. */
function canMorph(node: Node, goal: unknown): boolean {
  if (isMap(node)) return isMembers(goal) && keepsSome(node, goal);
  return isSeq(node) && Array.isArray(goal) && node.items.length > 0 && goal.length > 0;
}

function keepsSome(map: YAMLMap, goal: Members): boolean {
  return map.items.map((item) => nameOf(entryOf(item)))
    .some((name) => name === MERGE_KEY || Object.hasOwn(goal, name));
}

/** Whether a value is written on one line. */
function isInline(value: unknown): boolean {
  if (typeof value === "string") return !value.includes("\n");
  return typeof value !== "object" || value === null || Object.keys(value).length === 0;
}

function stringifyBlock(value: unknown): string {
  return stringify(value, { lineWidth: 0 });
}

/** A value on one line, good also between brackets. */
function inline(value: unknown): string {
  const flow = { lineWidth: 0, collectionStyle: "flow", flowCollectionPadding: false } as const;
  return stringify([value], flow).trim().slice(1, -1);
}

/** What follows `key:` for a value of several lines. */
function linesBehindKey(value: unknown, column: number, newline: string): string {
  const rendered = stringifyBlock({ k: value }).slice("k:".length).replace(/\n$/, "");
  const [first = "", ...rest] = rendered.split("\n");
  return [first, ...rest.map((line) => indented(line, column))].join(newline);
}

function appendLines(draft: Draft, at: number, rendered: string, indent: number): void {
  draft.put(at, at, draft.layout.breakBefore(at) + toLines(draft, rendered, indent));
}

function toLines({ layout }: Draft, rendered: string, indent: number): string {
  const lines = rendered.replace(/\n$/, "").split("\n");
  return lines.map((line) => indented(line, indent) + layout.newline).join("");
}

function indented(line: string, columns: number): string {
  return line === "" ? "" : " ".repeat(columns) + line;
}
