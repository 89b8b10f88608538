/**
 * Two programs talking to each other: automatic replies, and the same words again and again.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import { holdsPhrase, plain } from "./plain.ts";

/** What automatic replies say of themselves. */
const SIGNATURES: readonly string[] = [
  "auto reply",
  "automatic reply",
  "out of office",
  "out of the office",
  "this is an automated message",
  "do not reply to this message",
  "respuesta automatica",
  "mensaje automatico",
  "fuera de la oficina",
  "no responda a este mensaje",
];

/** How often the same may be said. */
export interface LoopLimits {
  /** So many equal messages … */
  readonly repeats: number;
  /** … within so many milliseconds are a loop. */
  readonly windowMs: number;
}

/** What was found. */
export type LoopVerdict = "auto_reply" | "repetition" | null;

const MAX_CONVERSATIONS = 20_000;

/** Returns a detector; each conversation is counted by itself. */
export function createLoopDetector({ now }: { readonly now: () => number }) {
  const heard = new LRUCache<string, { words: string; times: number[] }>({
    max: MAX_CONVERSATIONS,
  });
  return function detectLoop(
    conversation: string,
    text: string,
    { repeats, windowMs }: LoopLimits,
  ): LoopVerdict {
    const words = plain(text);
    if (words === "") return null;
    if (SIGNATURES.some((signature) => holdsPhrase(words, signature))) return "auto_reply";
    const known = heard.get(conversation);
    const times = known?.words === words
      ? known.times.filter((time) => time > now() - windowMs)
      : [];
    times.push(now());
    heard.set(conversation, { words, times: times.slice(-repeats) });
    return times.length >= repeats ? "repetition" : null;
  };
}
