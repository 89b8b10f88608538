/**
 * What people type into a search, as an expression of the full-text index.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { withSeams } from "./index_text.ts";

/** Longer queries, and those of more words, are refused: each word is a walk through the index. */
const MAX_CHARS = 1_000;
const MAX_WORDS = 32;
/** Shorter beginnings of words would match too much to be worth anything. */
const MIN_PREFIX_CHARS = 3;

/** One word or phrase of a query. */
interface Term {
  readonly text: string;
  readonly isPrefix: boolean;
  readonly isExcluded: boolean;
}

/** Terms that must all hold. */
type Group = readonly Term[];

/**
 * What is in no scope: a scope's word is digits, letters up to `f`, and an `x`. Leaving it out leaves
 * everything, and keeps the index from taking two conjunctions for one.
 */
const NOTHING = "scope : nothing";

/**
 * Turns a query into an expression for the entries in `scope`, an expression itself, or undefined when
 * nothing in it can be found.
 *
 * Words must all occur, in any order. `"two words"` is a phrase, `word*` a beginning (of three
 * characters or more), `-word` or `NOT word` must not occur, and `OR` stands between alternatives.
 * Everything else is text, so no query is an error but one that is too long. What is only excluded
 * finds nothing.
 *
 * @throws {CodedError} `invalid_params`
 */
export function searchExpression(query: string, scope: string): string | undefined {
  if (query.length > MAX_CHARS) throw tooLong(`it has more than ${MAX_CHARS} characters`);
  const groups = groupsOf(query);
  if (groups.flat().length > MAX_WORDS) throw tooLong(`it has more than ${MAX_WORDS} words`);
  const [only, ...others] = groups.flatMap((group) => splitGroup(group) ?? []);
  if (only === undefined) return undefined;
  if (others.length === 0) return narrowed(scope, only);
  return `${scope} AND words : (${[only, ...others].map(expressionOf).join(" OR ")})`;
}

function tooLong(state: string): CodedError {
  return new CodedError("invalid_params", `query: ${state}`);
}

/** A phrase in quotes, which the end of the text may close, or a run without blanks. */
const PIECE = /(-?)(?:"([^"]*)(?:"|$)|([^\s"]+))/g;

function groupsOf(query: string): Group[] {
  const groups: Term[][] = [[]];
  let isExcluded = false;
  for (const [, minus, phrase, word = ""] of query.matchAll(PIECE)) {
    if (phrase === undefined && minus === "") {
      if (word === "AND") continue;
      if (word === "OR") {
        groups.push([]);
        continue;
      }
      if (word === "NOT") {
        isExcluded = true;
        continue;
      }
    }
    const text = phrase ?? word;
    // A term without a letter or digit is no word to the index, and nothing matches it.
    if (/[\p{L}\p{N}]/u.test(text)) {
      groups.at(-1)?.push({
        text,
        isPrefix: phrase === undefined && isLongPrefix(word),
        isExcluded: isExcluded || minus === "-",
      });
    }
    isExcluded = false;
  }
  return groups;
}

function isLongPrefix(word: string): boolean {
  return word.endsWith("*") && Array.from(word).length > MIN_PREFIX_CHARS;
}

/** A group with at least one word that must occur. */
interface Split {
  readonly wanted: readonly string[];
  readonly excluded: readonly string[];
}

function splitGroup(group: Group): Split | undefined {
  const wanted = group.filter(({ isExcluded }) => !isExcluded);
  if (wanted.length === 0) return undefined;
  return {
    // The longest is likely the rarest; see below.
    wanted: wanted.toSorted((a, b) => b.text.length - a.text.length).map(literalOf),
    excluded: group.filter(({ isExcluded }) => isExcluded).map(literalOf),
  };
}

/**
 * One word after the other within a scope. A word's list of places is everybody's and long; the index
 * reads it only where all before it were found. In one conjunction it would read each at every step.
 */
function narrowed(scope: string, { wanted, excluded }: Split): string {
  const found = wanted.reduce(
    (before, word, i) => `${i === 0 ? before : `((${before}) NOT ${NOTHING})`} AND words : ${word}`,
    scope,
  );
  return excluded.length === 0 ? found : `(${found}) NOT words : (${excluded.join(" OR ")})`;
}

function expressionOf({ wanted, excluded }: Split): string {
  const all = wanted.join(" AND ");
  return excluded.length === 0 ? `(${all})` : `((${all}) NOT (${excluded.join(" OR ")}))`;
}

/** Within quotes nothing has a meaning of its own. */
function literalOf({ text, isPrefix }: Term): string {
  return `"${withSeams(text).replaceAll('"', '""')}"${isPrefix ? " *" : ""}`;
}
