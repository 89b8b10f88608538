/**
 * Time limits for whole requests, cheap enough for each of them: a timer of its own would cost a request
 * as much as its rate limits.
 *
 * @module
 */

/** A limit that is running. An AbortSignal would do the same at several times the cost. */
export interface Deadline {
  readonly expired: boolean;
  /** Calls `listener` at the limit, in place of the one before; at once when it has passed. */
  onExpire(listener: (() => void) | undefined): void;
  clear(): void;
}

/** Starts a limit of `limitMs` milliseconds, which ends up to a sixteenth later. */
export type StartDeadline = (limitMs: number) => Deadline;

/** Running limits; those of one length share a timer. */
export interface Deadlines {
  readonly start: StartDeadline;
  /** Lets timers end with the last limit they run for; otherwise they wait a little for the next. */
  readonly close: () => void;
}

/** Parts a limit is divided into. */
const TICKS = 16;

/** Returns {@linkcode Deadlines} without any. */
export function createDeadlines(): Deadlines {
  const wheels = new Map<number, Wheel>();
  let closed = false;
  return {
    start(limitMs) {
      let wheel = wheels.get(limitMs);
      if (wheel === undefined) {
        wheel = new Wheel(limitMs / TICKS, {
          isLast: () => closed,
          onStop: () => void wheels.delete(limitMs),
        });
        wheels.set(limitMs, wheel);
      }
      return wheel.start();
    },
    close() {
      closed = true;
      for (const wheel of Array.from(wheels.values())) wheel.stopIfIdle();
    },
  };
}

/** The running limits of one length, by the tick in which they began. */
class Wheel {
  readonly #slots: Set<Running>[] = [new Set()];
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #isLast: () => boolean;
  readonly #onStop: () => void;
  #running = 0;

  /** `isLast` says whether it stops with its last limit; otherwise it does at the next tick. */
  constructor(
    tickMs: number,
    { isLast, onStop }: { isLast: () => boolean; onStop: () => void },
  ) {
    this.#timer = setInterval(() => this.#tick(), tickMs);
    this.#isLast = isLast;
    this.#onStop = onStop;
  }

  start(): Deadline {
    const newest = this.#slots[0] ?? new Set();
    const running = new Running(this, newest);
    newest.add(running);
    this.#running += 1;
    return running;
  }

  end(): void {
    this.#running -= 1;
    if (this.#isLast()) this.stopIfIdle();
  }

  /** Ends its timer, for good, when no limit runs. */
  stopIfIdle(): void {
    if (this.#running > 0) return;
    clearInterval(this.#timer);
    this.#onStop();
  }

  #tick(): void {
    this.#slots.unshift(new Set());
    // The last of a slot began just before a tick, so that one more must pass.
    if (this.#slots.length > TICKS + 1) {
      for (const running of this.#slots.pop() ?? []) running.expire();
    }
    this.stopIfIdle();
  }
}

class Running implements Deadline {
  expired = false;
  readonly #wheel: Wheel;
  readonly #slot: Set<Running>;
  #hear: (() => void) | undefined;

  constructor(wheel: Wheel, slot: Set<Running>) {
    this.#wheel = wheel;
    this.#slot = slot;
  }

  onExpire(listener: (() => void) | undefined): void {
    this.#hear = listener;
    if (this.expired) listener?.();
  }

  expire(): void {
    this.expired = true;
    this.#end();
    this.#hear?.();
  }

  clear(): void {
    this.#hear = undefined;
    this.#end();
  }

  #end(): void {
    if (this.#slot.delete(this)) this.#wheel.end();
  }
}

/** What `work` gives, or undefined when the deadline comes first; the work itself goes on unheard. */
export function within<T>(deadline: Deadline, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    deadline.onExpire(() => resolve(undefined));
    work.then(resolve, reject);
  });
}
