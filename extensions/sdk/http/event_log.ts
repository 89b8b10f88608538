/**
 * What happened lately, with ids, so that a browser that was away hears the rest.
 *
 * @module
 */
import { randomUUID } from "node:crypto";

/** Something that happened. */
export interface HttpEvent {
  /** Its kind for `EventSource.addEventListener`. @default {message} */
  readonly event?: string | undefined;
  /** Sent as JSON. */
  readonly data: unknown;
  /** Whose it is, when only some may hear of it. */
  readonly account?: string | undefined;
}

/** An event in its place. */
export interface LoggedEvent extends HttpEvent {
  readonly id: string;
  readonly at: number;
}

/** What a reader gets next. */
export type EventPage = {
  readonly events: readonly LoggedEvent[];
  /** Whether some before these are no longer here. */
  readonly hasGap: boolean;
  /** Where to read on. */
  readonly next: number;
};

/** The newest events of this process. */
export interface EventLog {
  /** Tells everybody who listens. Returns the event's id. */
  readonly publish: (event: HttpEvent) => string;
  /** The place after the event with this id; undefined for an id of another process, or none of ours. */
  readonly placeAfter: (id: string) => number | undefined;
  /** The place of what happens next. */
  readonly end: () => number;
  readonly read: (from: number) => EventPage;
  /** Resolves when there is something at `place`, or the signal aborts. */
  readonly wait: (place: number, signal: AbortSignal) => Promise<void>;
}

const CAPACITY = 1_000;

/** Builds a log of the newest `capacity` events. */
export function createEventLog({ capacity = CAPACITY }: { capacity?: number } = {}): EventLog {
  // Places of another run of this program are not places here.
  const run = randomUUID().slice(0, 8);
  const kept: LoggedEvent[] = [];
  const wakers = new Set<() => void>();
  let end = 1;

  return {
    publish(event) {
      const at = end++;
      const id = `${run}-${at}`;
      kept.push({ ...event, id, at });
      if (kept.length > capacity) kept.shift();
      for (const wake of wakers) wake();
      return id;
    },
    placeAfter(id) {
      const [itsRun, at] = id.split("-");
      const place = Number(at);
      if (itsRun !== run || !Number.isInteger(place) || place < 1 || place >= end) return undefined;
      return place + 1;
    },
    end: () => end,
    read(from) {
      const oldest = kept[0]?.at ?? end;
      const events = kept.slice(Math.max(0, from - oldest));
      return { events, hasGap: from < oldest, next: end };
    },
    async wait(place, signal) {
      if (place < end || signal.aborted) return;
      await new Promise<void>((resolve) => {
        const wake = (): void => {
          wakers.delete(wake);
          signal.removeEventListener("abort", wake);
          resolve();
        };
        wakers.add(wake);
        signal.addEventListener("abort", wake, { once: true });
      });
    },
  };
}
