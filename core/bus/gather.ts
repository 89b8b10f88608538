/**
 * One batch under way at a time: what arrives meanwhile travels together in the next.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";

/** How {@linkcode createGather} cuts its batches. */
export interface GatherOptions<Item, Result> {
  /** Carries a batch and resolves with one result per item, in order. */
  readonly ship: (items: readonly Item[]) => Promise<readonly Result[]>;
  /** Items in one batch, at most. @default {256} */
  readonly maxItems?: number | undefined;
  /** Sum of `sizeOf` in one batch, at most; a larger item travels alone. */
  readonly maxSize?: number | undefined;
  /** The size of an item, for `maxSize`. */
  readonly sizeOf?: ((item: Item) => number) | undefined;
  /** Items that may wait; more are refused with `bus_overflow`. @default {16384} */
  readonly waitingLimit?: number | undefined;
}

/** Many small calls, few batches. */
export interface Gather<Item, Result> {
  /**
   * Resolves with the results of `items`, in order, when their batch arrived.
   *
   * @throws what `ship` threw for one of their batches; {CodedError} `bus_overflow`
   */
  add(items: readonly Item[]): Promise<Result[]>;
  /** Rejects everything that waits or is under way, and all that is added later. */
  close(error: CodedError): void;
}

interface Parcel<Item, Result> {
  readonly item: Item;
  readonly size: number;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Starts with nothing under way, so the first call goes at once. */
export function createGather<Item, Result>(
  options: GatherOptions<Item, Result>,
): Gather<Item, Result> {
  const { ship, maxItems = 256, maxSize = Infinity, sizeOf = () => 0, waitingLimit = 16_384 } =
    options;
  let waiting: Parcel<Item, Result>[] = [];
  let underWay: readonly Parcel<Item, Result>[] = [];
  let running = false;
  let closed: CodedError | undefined;

  function nextBatch(): Parcel<Item, Result>[] {
    let [count, size] = [0, 0];
    for (const parcel of waiting) {
      size += parcel.size;
      if (count === maxItems || (count > 0 && size > maxSize)) break;
      count += 1;
    }
    return waiting.splice(0, count);
  }

  async function carry(batch: readonly Parcel<Item, Result>[]): Promise<void> {
    try {
      const results = await ship(batch.map((parcel) => parcel.item));
      if (results.length !== batch.length) throw miscount(batch.length, results.length);
      batch.forEach((parcel, i) => parcel.resolve(results[i] as Result));
    } catch (error) {
      for (const parcel of batch) parcel.reject(error);
    }
  }

  async function run(): Promise<void> {
    // Let the caller's tick end first: its other calls then share the batch.
    await Promise.resolve();
    while (waiting.length > 0) {
      const batch = nextBatch();
      underWay = batch;
      await carry(batch);
    }
    underWay = [];
    running = false;
  }

  return {
    async add(items) {
      if (closed !== undefined) throw closed;
      if (waiting.length + items.length > waitingLimit) {
        throw new CodedError("bus_overflow", `Cannot hand off: ${waiting.length} already wait`);
      }
      const results = items.map((item) =>
        new Promise<Result>((resolve, reject) => {
          waiting.push({ item, size: sizeOf(item), resolve, reject });
        })
      );
      if (!running && items.length > 0) {
        running = true;
        void run();
      }
      return Promise.all(results);
    },
    close(error) {
      closed = error;
      for (const parcel of [...underWay, ...waiting]) parcel.reject(error);
      waiting = [];
    },
  };
}

function miscount(expected: number, got: number): CodedError {
  return new CodedError("internal", `Cannot hand off: ${got} outcomes for ${expected} envelopes`);
}
