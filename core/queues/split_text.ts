/**
 * Long text in pieces a channel takes.
 *
 * @module
 */

/** Places to cut at, best first: between paragraphs, lines, sentences, words. */
const SEAMS = [/\n\s*\n/g, /\n/g, /(?<=[.!?…])\s/g, /\s/g];
/** A seam before this part of a piece leaves it too short. */
const MIN_FILL = 0.4;

/**
 * `text` in pieces of at most `limit` UTF-16 code units, none of them blank. What is not white space
 * at a cut is in exactly one piece, in order; no character is cut in two.
 */
export function splitText(text: string, limit: number): string[] {
  const pieces: string[] = [];
  let rest = text;
  while (rest.length > limit) {
    const at = cutAt(rest, limit);
    const piece = rest.slice(0, at).trimEnd();
    if (piece !== "") pieces.push(piece);
    rest = rest.slice(at).trimStart();
  }
  if (rest !== "" || pieces.length === 0) pieces.push(rest);
  return pieces;
}

/** Where the first piece ends: at the last best seam that fits. */
function cutAt(text: string, limit: number): number {
  // One more than fits: a seam right behind the piece is as good.
  const window = text.slice(0, limit + 1);
  for (const seam of SEAMS) {
    let last = -1;
    for (const { index } of window.matchAll(seam)) last = index;
    if (last >= limit * MIN_FILL) return last;
  }
  return endOfCharacter(text, limit);
}

/** The end of the last whole character, as people see it, within `limit`; at least one code point. */
function endOfCharacter(text: string, limit: number): number {
  const graphemes = new Intl.Segmenter(undefined, { granularity: "grapheme" });
  // The last one before the limit may go on behind it, so its start is a safe cut.
  const from = Math.max(0, limit - 64);
  const near = [...graphemes.segment(text.slice(from, limit + 64))];
  const starts = near.map(({ index }) => from + index).filter((at) => at > from && at <= limit);
  const last = starts.at(-1);
  if (last !== undefined && last > 0) return last;
  const code = text.charCodeAt(limit - 1);
  if (code < 0xd800 || code >= 0xdc00) return limit;
  return limit > 1 ? limit - 1 : limit + 1;
}
