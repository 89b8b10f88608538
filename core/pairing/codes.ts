/**
 * Codes that prove who was meant, and how they are found in what people send.
 *
 * @module
 */
import type { Random } from "../contract/mod.ts";

/** Letters and digits that nobody confuses. */
const ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/** 80 bits: not to be guessed, whoever tries. */
const LINK_CHARS = 16;
/** 40 bits, for people to read out; an operator decides, and a wrong one means nobody. */
const KNOCK_CHARS = 8;

/** A new code for a link. */
export function createLinkCode(random: Random): string {
  return createCode(random, LINK_CHARS);
}

/** A new code for a stranger to pass on. */
export function createKnockCode(random: Random): string {
  return createCode(random, KNOCK_CHARS);
}

function createCode(random: Random, length: number): string {
  // 32 letters: five bits of a byte are exactly one of them.
  return Array.from(random(new Uint8Array(length)), (byte) => ALPHABET[byte & 31]).join("");
}

const inText = /(?:^|[\s=])pair-([A-HJ-NP-Z2-9]{16})(?:$|\s)/;

/** The code of a link as it arrives in a message: `/start pair-…`, `pair-…`. */
export function linkCodeIn(text: string): string | undefined {
  return inText.exec(text)?.[1];
}

/** What a link carries for a code; at most 64 of `A-Za-z0-9_-`, as Telegram allows. */
export function startParameter(code: string): string {
  return `pair-${code}`;
}
