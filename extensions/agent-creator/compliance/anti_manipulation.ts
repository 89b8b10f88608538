/**
 * Messages that try to make the agent somebody else.
 *
 * @module
 */
import { plain } from "./plain.ts";

/**
 * Patterns over plain text, each with its reason. They ask for a verb and its object, so that «contact
 * as soon as possible» and «the file system: full» are left alone.
 */
const PATTERNS: readonly (readonly [RegExp, string])[] = [
  [
    /\b(?:ignore|disregard|forget)\b.{0,24}\b(?:previous|above|prior|all|your)\b.{0,24}\b(?:instructions?|rules?|prompts?)\b/,
    "asks to ignore instructions",
  ],
  [
    /\b(?:ignora|olvida|omite)\b.{0,24}\b(?:instrucciones|reglas|anteriores)\b/,
    "asks to ignore instructions",
  ],
  [
    /\b(?:reveal|show|print|repeat)\b.{0,24}\b(?:system prompt|your (?:instructions|prompt|rules))\b/,
    "asks for the instructions",
  ],
  [
    /\b(?:muestra|revela|repite)\b.{0,24}\b(?:tus instrucciones|prompt del sistema)\b/,
    "asks for the instructions",
  ],
  [/\b(?:you are now|from now on you are|ahora eres)\b/, "gives the agent another role"],
  [/\bpretend (?:to be|you are)\b|\bfinge (?:ser|que eres)\b/, "gives the agent another role"],
  [/\bact as (?:if you|an? |my )|\bactua como (?:si|un|una|mi)\b/, "gives the agent another role"],
  [/\b(?:developer|god|dan|sudo) mode\b|\bmodo (?:desarrollador|dios)\b/, "asks for another mode"],
  [/\bjailbreak/, "asks for another mode"],
  [
    /^(?:system|assistant|developer):|<(?:system|assistant)>|\[(?:system|inst)\]/,
    "speaks as the system",
  ],
];

/** Why a message is an attempt, or null. */
export function manipulationIn(text: string): string | null {
  const words = plain(text);
  return PATTERNS.find(([pattern]) => pattern.test(words))?.[1] ?? null;
}
