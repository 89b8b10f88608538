/**
 * Changes what a YAML file says and leaves everything else in it as a person wrote it.
 *
 * @module
 */
import { isDeepStrictEqual } from "node:util";
import { type Document, isMap, type Node, parseDocument } from "yaml";
import { CodedError } from "../contract/mod.ts";
import { YAML_OPTIONS } from "./yaml_file.ts";
import { MERGE_KEY, nameOf } from "./yaml_layout.ts";
import { spliceTowards } from "./yaml_splice.ts";

const BYTE_ORDER_MARK = "\uFEFF";
const MAX_ALIASES = 100;

/**
 * The text that says `wanted` with the fewest changes to `text`: comments, order, quotes and blank
 * lines of what stays the same stay as they are. Text that already says it comes back as it is.
 *
 * `wanted` is plain JSON data; members that are undefined count as absent.
 *
 * @throws {CodedError} `config_invalid` when `text` is no YAML, `conflict` when the change cannot be
 * made without changing something else, as with a value that an anchor shares
 */
export function patchYaml(text: string, wanted: unknown): string {
  const mark = text.startsWith(BYTE_ORDER_MARK) ? BYTE_ORDER_MARK : "";
  const body = text.slice(mark.length);
  const doc = parse(body);
  const goal: unknown = JSON.parse(JSON.stringify(wanted ?? null));
  if (isDeepStrictEqual(valueOf(doc), goal)) return text;

  const spliced = spliceTowards(doc, body, goal);
  if (spliced !== undefined && says(spliced, goal)) return mark + spliced;
  // An unusual layout is written by the library, which keeps comments if not every blank.
  const written = rewrite(doc, goal);
  if (written !== undefined && says(written, goal)) return mark + written;
  throw new CodedError(
    "conflict",
    "Cannot change the file: an anchor or a merge key shares the value, so edit it by hand",
  );
}

function parse(text: string): Document {
  const doc = parseDocument(text, YAML_OPTIONS);
  const [error] = doc.errors;
  if (error === undefined) return doc;
  throw new CodedError("config_invalid", `Cannot read the file as YAML: ${error.message}`);
}

function valueOf(doc: Document): unknown {
  return doc.toJS({ maxAliasCount: MAX_ALIASES });
}

function says(text: string, goal: unknown): boolean {
  const doc = parseDocument(text, YAML_OPTIONS);
  return doc.errors.length === 0 && isDeepStrictEqual(valueOf(doc), goal);
}

function rewrite(doc: Document, goal: unknown): string | undefined {
  doc.contents = rewritten(doc, doc.contents, goal);
  try {
    return doc.toString({ lineWidth: 0 });
  } catch {
    return undefined; // an anchor is gone that something else still names
  }
}

/** The node for `goal`, with the parts of `node` that already say their part of it. */
function rewritten(doc: Document, node: Node | null, goal: unknown): Node {
  if (node !== null && isDeepStrictEqual(node.toJS(doc), goal)) return node;
  if (!isMap(node) || typeof goal !== "object" || goal === null || Array.isArray(goal)) {
    const fresh = doc.createNode(goal);
    if (node?.comment != null) fresh.comment = node.comment;
    if (node?.commentBefore != null) fresh.commentBefore = node.commentBefore;
    return fresh;
  }
  const members = goal as Record<string, unknown>;
  for (const name of node.items.map(nameOf)) {
    if (name !== MERGE_KEY && !Object.hasOwn(members, name)) node.delete(name);
  }
  for (const [name, value] of Object.entries(members)) {
    node.set(name, rewritten(doc, node.get(name, true) ?? null, value));
  }
  return node;
}
