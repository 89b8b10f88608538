/**
 * Personal data that shall not reach the model: cards, mail addresses, phone numbers.
 *
 * @module
 */

/** Which kinds are taken out. */
export interface PiiKinds {
  readonly cards: boolean;
  readonly emails: boolean;
  readonly phones: boolean;
}

const CARD = /(?<![\p{L}\p{N}])\d(?:[ -]?\d){12,18}(?![\p{L}\p{N}])/gu;
const EMAIL = /[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}/g;
/** With a plus and 8 to 15 digits, or in groups of a national number that add up to at least 9. */
const PHONE =
  /(?<![\p{L}\p{N}.+-])(?:\+\d(?:[ ().-]?\d){7,14}|\(?\d{2,4}\)?[ -]\d{3,4}[ -]\d{2,4}(?:[ -]\d{2,4})?)(?![\p{L}\p{N}])/gu;

/** The text with placeholders in their places. */
export function withoutPii(text: string, { cards, emails, phones }: PiiKinds): string {
  let left = text;
  if (cards) left = left.replaceAll(CARD, (found) => isCard(found) ? "[CARD]" : found);
  if (emails) left = left.replaceAll(EMAIL, "[EMAIL]");
  if (phones) left = left.replaceAll(PHONE, (found) => isPhone(found) ? "[PHONE]" : found);
  return left;
}

function digitsOf(text: string): string {
  return text.replaceAll(/\D/g, "");
}

/** As many digits as numbers of this world have. */
function isPhone(text: string): boolean {
  const { length } = digitsOf(text);
  return length >= 9 && length <= 15;
}

/** The check digit of card numbers. */
function isCard(text: string): boolean {
  const digits = digitsOf(text);
  if (digits.length < 13 || digits.length > 19) return false;
  let sum = 0;
  for (let i = 0; i < digits.length; i++) {
    const digit = Number(digits[digits.length - 1 - i]);
    const doubled = i % 2 === 0 ? digit : digit * 2;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0;
}
