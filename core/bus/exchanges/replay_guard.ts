/**
 * Numbers that count once: whoever records a message cannot send it again.
 *
 * @module
 */

/** How far behind the highest a number may come and still be new. */
const REACH = 4_096;
/** Senders that are remembered; the one silent longest is forgotten first. */
const MAX_SENDERS = 1_024;

interface Seen {
  highest: number;
  readonly numbers: Set<number>;
}

/** Returns what says whether a sender's number is new, and remembers it. */
export function createReplayGuard(): (sender: string, number: number) => boolean {
  const senders = new Map<string, Seen>();

  function seenOf(sender: string): Seen {
    const seen = senders.get(sender) ?? { highest: -1, numbers: new Set<number>() };
    senders.delete(sender);
    senders.set(sender, seen);
    if (senders.size > MAX_SENDERS) {
      for (const oldest of senders.keys()) {
        senders.delete(oldest);
        break;
      }
    }
    return seen;
  }

  return function isNew(sender, number) {
    const seen = seenOf(sender);
    if (number <= seen.highest - REACH || seen.numbers.has(number)) return false;
    seen.numbers.add(number);
    seen.highest = Math.max(seen.highest, number);
    // Numbers come nearly in order, so the oldest in the set are the lowest.
    for (const old of seen.numbers) {
      if (seen.numbers.size <= REACH) break;
      seen.numbers.delete(old);
    }
    return true;
  };
}
