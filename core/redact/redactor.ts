/**
 * Takes secrets and personal details out of text.
 *
 * @module
 */

/** Returns `text` with everything that must not be kept replaced by `[REDACTED:<label>]`. */
export type Redactor = (text: string) => string;
