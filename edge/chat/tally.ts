/**
 * What an edge counts of its web chats.
 *
 * @module
 */

/** Counts by code. */
export interface ChatTally {
  readonly said: (result: string) => void;
  readonly refused: (code: string) => void;
  /** Messages, by `accepted` or the code of their refusal. */
  readonly messages: ReadonlyMap<string, number>;
  /** Connections and pages refused, by code. */
  readonly refusals: ReadonlyMap<string, number>;
}

/** Returns a tally of nothing. */
export function createChatTally(): ChatTally {
  const messages = new Map<string, number>();
  const refusals = new Map<string, number>();
  const count = (counts: Map<string, number>, key: string): void =>
    void counts.set(key, (counts.get(key) ?? 0) + 1);
  return {
    said: (result) => count(messages, result),
    refused: (code) => count(refusals, code),
    messages,
    refusals,
  };
}
