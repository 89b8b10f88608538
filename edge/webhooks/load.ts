/**
 * How many requests of a source are under way, in all and per client.
 *
 * @module
 */

/** Counters that outlive a change of configuration. */
export interface Load {
  readonly inFlight: number;
  /** Counts a request in, unless `cap` or the client's share of it is reached; 0 means no cap. */
  enter(clientKey: string, cap: number): boolean;
  /** Counts it out; once for each `enter` that was true. */
  leave(clientKey: string): void;
}

/** A cap this small is not divided: half of it would refuse ordinary senders. */
const UNDIVIDED_CAP = 16;

/** Half of a cap, so that one client that sends slowly cannot hold the whole source. */
export function clientShare(cap: number): number {
  return cap <= UNDIVIDED_CAP ? cap : Math.max(UNDIVIDED_CAP, Math.ceil(cap / 2));
}

/** Counters at zero. */
export function createLoad(): Load {
  let inFlight = 0;
  const byClient = new Map<string, number>();
  return {
    get inFlight() {
      return inFlight;
    },
    enter(clientKey, cap) {
      const own = byClient.get(clientKey) ?? 0;
      if (cap > 0 && (inFlight >= cap || own >= clientShare(cap))) return false;
      inFlight++;
      byClient.set(clientKey, own + 1);
      return true;
    },
    leave(clientKey) {
      inFlight--;
      const own = (byClient.get(clientKey) ?? 1) - 1;
      if (own === 0) byClient.delete(clientKey);
      else byClient.set(clientKey, own);
    },
  };
}
