/**
 * Text as rules compare it.
 *
 * @module
 */

/** Lower case, without accents, white space and punctuation between words as one blank. */
export function plain(text: string): string {
  return text.normalize("NFKD").replaceAll(/\p{M}+/gu, "").toLowerCase()
    .replaceAll(/[^\p{L}\p{N}@#:'<>[\]]+/gu, " ").trim();
}

/** Whether `phrase` stands in `text` as whole words; both plain. */
export function holdsPhrase(text: string, phrase: string): boolean {
  return ` ${text} `.includes(` ${phrase} `);
}
