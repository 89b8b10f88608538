/**
 * Redaction as the settings in force want it.
 *
 * @module
 */
import { createRedactor, type RedactionPattern, type Redactor } from "../redact/redactor.ts";
import type { Settings } from "../settings/settings.ts";

type TranscriptSettings = Settings["transcripts"];

/** Returns a redactor that follows the settings; patterns are compiled once for each snapshot. */
export function createLiveRedactor(settings: () => Settings): Redactor {
  let builtFor: TranscriptSettings | undefined;
  let redactorFor: (account: string | undefined) => Redactor = () => (text) => text;
  return function redactLive(text, account) {
    const { transcripts } = settings();
    if (transcripts !== builtFor) {
      builtFor = transcripts;
      redactorFor = redactorsOf(transcripts);
    }
    return redactorFor(account)(text);
  };
}

/** One redactor for each tenant with patterns of its own, one for the others, one for no tenant. */
function redactorsOf(
  { redaction, tenants }: TranscriptSettings,
): (account: string | undefined) => Redactor {
  if (!redaction.enabled) return () => (text) => text;
  const { use_builtins: useBuiltins, extra_patterns: shared } = redaction;
  const withOwn = (own: readonly RedactionPattern[]): Redactor =>
    createRedactor({ useBuiltins, extraPatterns: [...shared, ...own] });

  const plain = withOwn([]);
  const own = new Map(
    Object.entries(tenants)
      .filter(([, { extra_patterns: patterns }]) => patterns.length > 0)
      .map(([account, { extra_patterns: patterns }]) => [account, withOwn(patterns)]),
  );
  const all = own.size === 0
    ? plain
    : withOwn(Object.values(tenants).flatMap(({ extra_patterns: patterns }) => patterns));
  return (account) => account === undefined ? all : own.get(account) ?? plain;
}
