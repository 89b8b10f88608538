/**
 * What of a text goes into the full-text index.
 *
 * The index splits at whatever is no letter and no digit, which finds the words of most scripts. In
 * those written without blanks each character becomes a word of its own here, so that a part of a
 * sentence is found as a row of such words.
 *
 * @module
 */

/** A blank of no width: the index takes it for the end of a word, and nobody sees it. */
const SEAM = "\u200b";

const WITHOUT_BLANKS =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Bopomofo}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\p{Script=Tibetan}]/gu;

/** `text` with a seam around each character of a script without blanks; most texts stay as they are. */
export function withSeams(text: string): string {
  return text.replace(WITHOUT_BLANKS, `${SEAM}$&${SEAM}`);
}

/** `text` without seams, for people. */
export function withoutSeams(text: string): string {
  return text.replaceAll(SEAM, "");
}
