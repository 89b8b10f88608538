/**
 * Whether somebody asks not to be written to any more, or to be written to again.
 *
 * @module
 */
import { holdsPhrase, plain } from "./plain.ts";

/** A message that says nothing else. A word like «baja» within a sentence means other things. */
const ALONE: ReadonlySet<string> = new Set([
  "stop",
  "stop all",
  "stopall",
  "unsubscribe",
  "cancel",
  "quit",
  "end",
  "optout",
  "opt out",
  "baja",
  "alto",
  "parar",
  "salir",
  "cancelar",
]);

/** Phrases that mean it wherever they stand. */
const PHRASES: readonly string[] = [
  "unsubscribe me",
  "opt me out",
  "take me off your list",
  "remove me from your list",
  "stop messaging me",
  "stop texting me",
  "stop writing to me",
  "do not contact me",
  "don't contact me",
  "do not write to me again",
  "don't message me",
  "dar de baja",
  "dame de baja",
  "denme de baja",
  "darme de baja",
  "no me escriban mas",
  "no me escribas mas",
  "no quiero recibir mas mensajes",
  "no quiero mas mensajes",
  "dejen de escribirme",
  "deja de escribirme",
  "borrame de la lista",
  "quitenme de la lista",
];

const BACK: ReadonlySet<string> = new Set(["start", "unstop", "subscribe", "alta", "resume"]);

/** What a message asks for. */
export type OptRequest = "out" | "in" | null;

/** Reads a message. A long one that only mentions such a word asks for nothing. */
export function optRequestIn(text: string): OptRequest {
  const words = plain(text);
  if (ALONE.has(words) || PHRASES.some((phrase) => holdsPhrase(words, phrase))) return "out";
  return BACK.has(words) ? "in" : null;
}
