/**
 * Subscriptions by pattern, as a tree of tokens: finding those of a subject costs its length.
 *
 * @module
 */

/** Values filed under subject patterns. */
export interface MatchTable<T> {
  /** Files `value` under `pattern`; the function returned takes it out again. */
  add(pattern: string, value: T): () => void;
  /** Every value whose pattern `subject` falls under, in no promised order. */
  match(subject: string): T[];
}

interface Branch<T> {
  /** Values of patterns that end here. */
  readonly here: Set<T>;
  /** Values of patterns that end here with `>`. */
  readonly beyond: Set<T>;
  /** By token; `*` is a key like any other, for no subject holds it. */
  readonly next: Map<string, Branch<T>>;
}

/** An empty table. */
export function createMatchTable<T>(): MatchTable<T> {
  const root = newBranch<T>();

  return {
    add(pattern, value) {
      const path = [root];
      const tokens = pattern.split(".");
      const open = tokens.at(-1) === ">";
      if (open) tokens.pop();
      let branch = root;
      for (const token of tokens) {
        branch = childOf(branch, token);
        path.push(branch);
      }
      const values = open ? branch.beyond : branch.here;
      values.add(value);
      return () => {
        values.delete(value);
        prune(path, tokens);
      };
    },
    match(subject) {
      const found: T[] = [];
      collect(root, subject.split("."), 0, found);
      return found;
    },
  };
}

function newBranch<T>(): Branch<T> {
  return { here: new Set(), beyond: new Set(), next: new Map() };
}

function childOf<T>(branch: Branch<T>, token: string): Branch<T> {
  let child = branch.next.get(token);
  if (child === undefined) {
    child = newBranch();
    branch.next.set(token, child);
  }
  return child;
}

function collect<T>(branch: Branch<T>, tokens: readonly string[], depth: number, found: T[]): void {
  const token = tokens[depth];
  if (token === undefined) {
    found.push(...branch.here);
    return;
  }
  found.push(...branch.beyond);
  const exact = branch.next.get(token);
  if (exact !== undefined) collect(exact, tokens, depth + 1, found);
  const any = branch.next.get("*");
  if (any !== undefined) collect(any, tokens, depth + 1, found);
}

/** Cuts what became empty, from the tip down, so that short-lived patterns leave nothing behind. */
function prune<T>(path: readonly Branch<T>[], tokens: readonly string[]): void {
  for (let depth = tokens.length; depth > 0; depth--) {
    const [branch, parent, token] = [path[depth], path[depth - 1], tokens[depth - 1]];
    if (branch === undefined || parent === undefined || token === undefined) return;
    if (branch.here.size + branch.beyond.size + branch.next.size > 0) return;
    if (parent.next.get(token) === branch) parent.next.delete(token);
  }
}
