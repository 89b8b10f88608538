/**
 * What a person reads when their message could not be answered.
 *
 * @module
 */
import { codeOf, type FallbackReply } from "../contract/mod.ts";
import type { Policy } from "./policy.ts";

/** What went wrong, as far as an answer depends on it. */
type Reason = keyof FallbackReply;

/** By language; `later` for what will not be better in a moment. */
const TEXTS: Readonly<Record<string, { readonly soon: string; readonly later: string }>> = {
  en: {
    soon: "Sorry, I could not answer that just now. Please try again in a moment.",
    later: "Sorry, I cannot answer at the moment. Please try again later.",
  },
  de: {
    soon:
      "Entschuldigung, das konnte ich gerade nicht beantworten. Bitte versuchen Sie es gleich noch einmal.",
    later:
      "Entschuldigung, ich kann im Moment nicht antworten. Bitte versuchen Sie es später noch einmal.",
  },
  es: {
    soon:
      "Lo siento, ahora mismo no he podido responder. Por favor, inténtalo de nuevo en un momento.",
    later: "Lo siento, en este momento no puedo responder. Por favor, inténtalo más tarde.",
  },
  fr: {
    soon: "Désolé, je n'ai pas pu répondre à l'instant. Veuillez réessayer dans un moment.",
    later: "Désolé, je ne peux pas répondre pour le moment. Veuillez réessayer plus tard.",
  },
  it: {
    soon:
      "Mi dispiace, in questo momento non sono riuscito a rispondere. Riprova tra poco, per favore.",
    later: "Mi dispiace, al momento non posso rispondere. Riprova più tardi, per favore.",
  },
  pt: {
    soon: "Desculpe, não consegui responder agora. Por favor, tente novamente daqui a pouco.",
    later: "Desculpe, não posso responder neste momento. Por favor, tente novamente mais tarde.",
  },
};

const NAMES: Readonly<Record<string, string>> = {
  deutsch: "de",
  english: "en",
  español: "es",
  french: "fr",
  français: "fr",
  german: "de",
  italian: "it",
  italiano: "it",
  portuguese: "pt",
  português: "pt",
  spanish: "es",
};

/**
 * The reply after `error`: what the operator wrote for its kind, else words of ours in the agent's
 * language, else in English. Null where the operator wants silence.
 */
export function fallbackReply(
  { fallbackReply: own, language }: Pick<Policy, "fallbackReply" | "language">,
  error: unknown,
): string | null {
  const reason = reasonOf(error);
  const text = own[reason] ?? builtIn(language, reason);
  return text === "" ? null : text;
}

function reasonOf(error: unknown): Reason {
  const code = codeOf(error);
  return code === "budget_exceeded" || code === "tool_loop" ? code : "failed";
}

function builtIn(language: string | undefined, reason: Reason): string {
  const code = languageCode(language ?? "");
  const texts = Object.hasOwn(TEXTS, code) ? TEXTS[code] : TEXTS["en"];
  return (reason === "budget_exceeded" ? texts?.later : texts?.soon) ?? "";
}

/** `es` of `es-MX`, `es_MX`, `Spanish` and `Español (México)`. */
function languageCode(language: string): string {
  const [word = ""] = /^\p{L}+/u.exec(language.toLowerCase()) ?? [];
  return Object.hasOwn(NAMES, word) ? NAMES[word] ?? word : word;
}
