/**
 * The newest events of a stream, as long as they fit.
 *
 * @module
 */
import type { WireEvent } from "../../core/contract/mod.ts";
import type { Frame } from "./frames.ts";

/** An event at its place in a stream, with the frame that all its clients share. */
export interface Item {
  readonly offset: number;
  readonly event: WireEvent;
  readonly frame: Frame;
}

/** How much a ring holds. */
export interface RingBounds {
  readonly events: number;
  /** Characters of all frames. */
  readonly chars: number;
}

/** Items whose offsets follow each other without a hole. */
export interface Ring {
  /** The offset of the oldest item; 0 when empty. */
  first(): number;
  /** The offset of the newest item; 0 when empty. */
  last(): number;
  /** Adds the newest; after a hole it becomes the only one, and one that is known is ignored. */
  push(item: Item): void;
  /** The item at an offset that lies between first and last. */
  at(offset: number): Item | undefined;
  /** Drops the oldest until the rest fits. */
  trim(bounds: RingBounds): void;
  clear(): void;
}

/** Builds an empty ring that never holds more than `bounds` and one item. */
export function createRing(bounds: RingBounds): Ring {
  let items: (Item | undefined)[] = [];
  let start = 0;
  let chars = 0;

  const first = (): number => items[start]?.offset ?? 0;
  const last = (): number => items.at(-1)?.offset ?? 0;
  function clear(): void {
    [items, start, chars] = [[], 0, 0];
  }
  function trim(to: RingBounds): void {
    while (items.length - start > to.events || (chars > to.chars && items.length - start > 1)) {
      chars -= items[start]?.frame.text.length ?? 0;
      items[start] = undefined;
      start += 1;
    }
    // Empty places go now and then, not with each event.
    if (start > 64 && start * 2 > items.length) [items, start] = [items.slice(start), 0];
  }

  return {
    first,
    last,
    push(item) {
      if (items.length > 0 && item.offset <= last()) return;
      if (items.length > 0 && item.offset > last() + 1) clear();
      items.push(item);
      chars += item.frame.text.length;
      trim(bounds);
    },
    at: (offset) => items[start + offset - first()],
    trim,
    clear,
  };
}
