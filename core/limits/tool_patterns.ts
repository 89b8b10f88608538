/**
 * Which of an operator's limits holds for a tool.
 *
 * @module
 */

/** A rate: `burst` calls at once, and `rps` more each second. */
export interface Rate {
  readonly rps: number;
  readonly burst: number;
}

/** Rates by tool pattern: a name, a glob with `*` anywhere, or `_default`. */
export type RatePatterns = Readonly<Record<string, Rate>>;

/** A tool by both of its names; patterns may use either. */
export interface ToolNames {
  /** What the model calls it. */
  readonly name: string;
  /** What the microapp calls it. */
  readonly ownName: string;
}

/** Patterns ready for look-up. */
export interface CompiledPatterns {
  readonly exact: ReadonlyMap<string, Rate>;
  /** Most literal characters first. */
  readonly globs: readonly {
    readonly pieces: readonly string[];
    readonly literal: number;
    readonly rate: Rate;
  }[];
  readonly fallback: Rate | undefined;
}

const FALLBACK = "_default";

/** Sorts patterns by how exact they are. */
export function compilePatterns(patterns: RatePatterns): CompiledPatterns {
  const exact = new Map<string, Rate>();
  const globs: { pattern: string; pieces: string[]; literal: number; rate: Rate }[] = [];
  for (const [pattern, rate] of Object.entries(patterns)) {
    if (pattern === FALLBACK) continue;
    const pieces = pattern.split("*");
    if (pieces.length === 1) exact.set(pattern, rate);
    else globs.push({ pattern, pieces, literal: pattern.length - pieces.length + 1, rate });
  }
  // Equally literal patterns need an order that does not depend on how the file was written.
  globs.sort((a, b) => b.literal - a.literal || (a.pattern < b.pattern ? -1 : 1));
  const fallback = Object.hasOwn(patterns, FALLBACK) ? patterns[FALLBACK] : undefined;
  return { exact, globs, fallback };
}

/**
 * The rate for a tool: an exact name, then the pattern with most literal characters, then `_default`.
 * Among equals the earlier layer wins, so put a binding's patterns before its agent's.
 */
export function rateFor(layers: readonly CompiledPatterns[], tool: ToolNames): Rate | undefined {
  for (const { exact } of layers) {
    const rate = exact.get(tool.name) ?? exact.get(tool.ownName);
    if (rate !== undefined) return rate;
  }
  let best: CompiledPatterns["globs"][number] | undefined;
  for (const { globs } of layers) {
    const first = globs.find(({ pieces }) => globFits(pieces, tool));
    if (first !== undefined && first.literal > (best?.literal ?? -1)) best = first;
  }
  if (best !== undefined) return best.rate;
  return layers.find(({ fallback }) => fallback !== undefined)?.fallback;
}

/** Whether the literal pieces of a glob make up either name of a tool; see {@linkcode globMatches}. */
export function globFits(pieces: readonly string[], { name, ownName }: ToolNames): boolean {
  return globMatches(pieces, name) || globMatches(pieces, ownName);
}

/** Whether the literal pieces of a glob, any run of characters between them, make up `text`. */
export function globMatches(pieces: readonly string[], text: string): boolean {
  const [first = "", last = ""] = [pieces[0], pieces.at(-1)];
  if (pieces.length === 1) return text === first;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  const end = text.length - last.length;
  let at = first.length;
  for (const piece of pieces.slice(1, -1)) {
    const found = text.indexOf(piece, at);
    if (found < 0) return false;
    at = found + piece.length;
  }
  return at <= end;
}
