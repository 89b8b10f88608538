/**
 * Takes secrets and personal details out of text.
 *
 * @module
 */
import { RE2JS } from "re2js";
import { CodedError, messageOf } from "../contract/mod.ts";
import { redactEmails } from "./email.ts";
import { redactNumbers } from "./numbers.ts";
import { mark, type Rule, SECRET_RULES } from "./rules.ts";

/**
 * Returns `text` with everything that must not be kept replaced by `[REDACTED:<label>]`.
 *
 * With `account`, what only that tenant wants hidden is hidden as well; without, what any tenant does.
 */
export type Redactor = (text: string, account?: string) => string;

/** The redactor of one tenant. */
export function redactorOf(redact: Redactor, account: string): Redactor {
  return (text) => redact(text, account);
}

/** One of the operator's own patterns. */
export interface RedactionPattern {
  /** RE2 syntax. */
  readonly regex: string;
  readonly label: string;
}

/** What a {@linkcode Redactor} looks for. */
export interface RedactorOptions {
  /** Keys, tokens, home paths, e-mail addresses, payment cards, phone numbers. @default {true} */
  readonly useBuiltins?: boolean;
  /** Applied in this order after the built-in ones, to what those left. @default {[]} */
  readonly extraPatterns?: readonly RedactionPattern[];
}

/**
 * Returns a {@linkcode Redactor}: pure, and in linear time whatever the text or the patterns.
 *
 * @throws {CodedError} `config_invalid` naming the index of a pattern that does not compile, that
 * matches the empty text, or whose label is empty
 */
export function createRedactor(options: RedactorOptions = {}): Redactor {
  const { useBuiltins = true, extraPatterns = [] } = options;
  const rules: readonly Rule[] = [
    ...(useBuiltins ? [...SECRET_RULES, redactEmails, redactNumbers] : []),
    ...extraPatterns.map(operatorRule),
  ];
  return (text) => rules.reduce((redacted, rule) => rule(redacted), text);
}

function operatorRule({ regex, label }: RedactionPattern, index: number): Rule {
  if (label === "") throw invalid(index, "the label is empty");
  const pattern = compile(regex, index);
  if (pattern.matcher("").find()) throw invalid(index, "it matches the empty text");
  const replacement = mark(label);
  // A function's result is taken literally; a string's `$1` would be expanded.
  return (text) => pattern.matcher(text).replaceAll(() => replacement);
}

function compile(regex: string, index: number): RE2JS {
  try {
    return RE2JS.compile(regex);
  } catch (cause) {
    throw invalid(index, messageOf(cause), cause);
  }
}

function invalid(index: number, state: string, cause?: unknown): CodedError {
  return new CodedError(
    "config_invalid",
    `Cannot use redaction.extra_patterns[${index}]: ${state}`,
    { cause },
  );
}
