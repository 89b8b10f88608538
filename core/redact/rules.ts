/**
 * The built-in patterns: secrets by their shape.
 *
 * Every pattern starts at a literal or behind a look-behind and never has two neighbouring
 * repetitions over the same characters, so the work grows with the length of the text only.
 *
 * @module
 */

/** One step of redaction. */
export type Rule = (text: string) => string;

/** What stands where something was. */
export function mark(label: string): string {
  return `[REDACTED:${label}]`;
}

/** A rule for one pattern; `accepts` has the last word on each match. */
function patternRule(
  label: string,
  pattern: RegExp,
  accepts: (match: string) => boolean = () => true,
): Rule {
  const replacement = mark(label);
  const replace = (match: string): string => accepts(match) ? replacement : match;
  // Most texts hold none, and to look costs a fraction of preparing to replace.
  return (text) => text.search(pattern) === -1 ? text : text.replace(pattern, replace);
}

const hasDigit = (text: string): boolean => /\d/.test(text);

/** Private keys in PEM or PGP armour; one without its last line takes the rest of the text along. */
function redactPrivateKeys(text: string): string {
  const begin = /-----BEGIN (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----/g;
  const pieces: string[] = [];
  let kept = 0;
  for (let match = begin.exec(text); match !== null; match = begin.exec(text)) {
    pieces.push(text.slice(kept, match.index), mark("private_key"));
    kept = endOfArmour(text, begin.lastIndex);
    begin.lastIndex = kept;
  }
  return pieces.length === 0 ? text : pieces.join("") + text.slice(kept);
}

function endOfArmour(text: string, from: number): number {
  const end = text.indexOf("-----END ", from);
  if (end === -1) return text.length;
  const close = text.indexOf("-----", end + "-----END ".length);
  return close === -1 ? text.length : close + "-----".length;
}

/** JSON Web Tokens, also ones that stick to a word before them. */
function redactJwts(text: string): string {
  if (!text.includes("eyJ")) return text;
  return text.replace(/(?<![\w-])[\w-]+(?:\.[\w-]+){2,}/g, (chain) => {
    const start = chain.indexOf("eyJ");
    if (start === -1 || chain.slice(start).split(".").length < 3) return chain;
    return chain.slice(0, start) + mark("jwt");
  });
}

const urlPasswords = patternRule("url_password", /(?<=:\/\/)[^\s:/@]+:[^\s/@]+(?=@)/g);

/** Passwords in addresses; a look-behind is tried at every character, so it is asked only where it can hold. */
function redactUrlPasswords(text: string): string {
  return text.includes("://") ? urlPasswords(text) : text;
}

/** Secrets and paths, in the order in which they are looked for. */
export const SECRET_RULES: readonly Rule[] = [
  redactPrivateKeys,
  patternRule("bearer_jwt", /Bearer\s+eyJ[\w-]+\.[\w-]+\.[\w-]*/gi),
  redactJwts,
  patternRule("bearer_token", /\bBearer\s+[\w.~+/-]{20,}=*/gi, hasDigit),
  redactUrlPasswords,
  patternRule("anthropic_key", /sk-ant-[\w-]{20,}/g),
  patternRule(
    "openai_key",
    /(?<![A-Za-z0-9])sk-[\w-]{20,}/g,
    (key) => hasDigit(key) || !/[-_]/.test(key.slice(3)),
  ),
  patternRule("stripe_key", /(?<![A-Za-z0-9])[sr]k_(?:live|test)_[A-Za-z0-9]{10,}/g),
  patternRule("webhook_secret", /(?<![A-Za-z0-9])whsec_[\w+/=-]{16,}/g),
  patternRule("github_token", /(?<![A-Za-z0-9])(?:gh[opusr]_[A-Za-z0-9]{20,}|github_pat_\w{20,})/g),
  patternRule("gitlab_token", /(?<![A-Za-z0-9])glpat-[\w-]{20,}/g),
  patternRule("slack_token", /(?<![A-Za-z0-9])x(?:ox[a-z]|app)-[A-Za-z0-9-]{10,}/g),
  patternRule("aws_access_key", /(?:AKIA|ASIA)[A-Z0-9]{16}/g),
  patternRule("google_key", /AIza[\w-]{35}/g),
  patternRule("google_token", /(?<!\w)ya29\.[\w-]{20,}/g),
  patternRule("telegram_token", /(?<!\d)\d{6,12}:[\w-]{35}(?![\w-])/g),
  patternRule("hex_token_64", /\b[0-9a-fA-F]{64,}\b/g),
  patternRule("home_path", /\/(?:home|Users)\/[^\s/\\"'`<>,;:|()[\]{}]+/g),
  patternRule("home_path", /\b[A-Za-z]:\\{1,2}Users\\{1,2}[^\s/\\"'`<>,;:|()[\]{}]+/g),
];
