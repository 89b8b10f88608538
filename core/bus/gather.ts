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

/** The items of one `add`, which may travel in several batches. */
interface Call<Result> {
  readonly results: Result[];
  /** Without a result yet. */
  missing: number;
  readonly resolve: (results: Result[]) => void;
  readonly reject: (error: unknown) => void;
}

interface Parcel<Item, Result> {
  readonly item: Item;
  readonly size: number;
  readonly call: Call<Result>;
  /** Its place among the results of the call. */
  readonly place: number;
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
      for (const [i, parcel] of batch.entries()) settle(parcel, results[i] as Result);
    } catch (error) {
      for (const { call } of batch) call.reject(error);
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
    add(items) {
      if (closed !== undefined) return Promise.reject(closed);
      if (items.length === 0) return Promise.resolve([]);
      if (waiting.length + items.length > waitingLimit) {
        const message = `Cannot hand off: ${waiting.length} already wait`;
        return Promise.reject(new CodedError("bus_overflow", message));
      }
      return new Promise((resolve, reject) => {
        const call = { results: [], missing: items.length, resolve, reject };
        for (const [place, item] of items.entries()) {
          waiting.push({ item, size: sizeOf(item), call, place });
        }
        if (running) return;
        running = true;
        void run();
      });
    },
    close(error) {
      closed = error;
      for (const { call } of [...underWay, ...waiting]) call.reject(error);
      waiting = [];
    },
  };
}

function settle<Item, Result>({ call, place }: Parcel<Item, Result>, result: Result): void {
  call.results[place] = result;
  call.missing -= 1;
  if (call.missing === 0) call.resolve(call.results);
}

function miscount(expected: number, got: number): CodedError {
  return new CodedError("internal", `Cannot hand off: ${got} outcomes for ${expected} envelopes`);
}
