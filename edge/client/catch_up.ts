/**
 * What was missed, fetched behind what happens now: one hole after another, the oldest first.
 *
 * @module
 */
import type { FirehoseFrame } from "../../core/contract/mod.ts";
import type { Link } from "./link.ts";

/** What lies after one cursor, up to and with another. */
interface Hole {
  from: string;
  readonly to: string;
}

/** What catching up needs. */
export interface CatchUpDeps {
  /** Opens a link that resumes from wherever `since` says when it connects. */
  readonly open: (since: () => string, onFrame: (frame: FirehoseFrame) => void) => Link;
  readonly onEvent: (frame: FirehoseFrame & { type: "event" }) => void;
  readonly onGap: (gap: { readonly from: string; readonly to: string }) => void;
}

/** Fills holes. */
export interface CatchUp {
  /** `to` is a cursor the firehose gave. */
  readonly add: (from: string, to: string) => void;
  /** Where the oldest hole begins by now; undefined when there is none. */
  readonly oldest: () => string | undefined;
  readonly close: () => void;
}

/** Returns the filler of holes. */
export function createCatchUp({ open, onEvent, onGap }: CatchUpDeps): CatchUp {
  const holes: Hole[] = [];
  let link: Link | undefined;

  function next(): void {
    const [hole] = holes;
    if (hole === undefined || link !== undefined) return;
    const own = open(() => hole.from, (frame) => take(hole, frame));
    link = own;
  }

  function take(hole: Hole, frame: FirehoseFrame): void {
    if (holes[0] !== hole) return;
    if (frame.type === "event") {
      // Whatever is beyond the hole has been told as it happened.
      const place = compare(frame.cursor, hole.to);
      if (place > 0) return filled();
      hole.from = frame.cursor;
      onEvent(frame);
      if (place === 0) filled();
    } else if (frame.type === "gap") {
      const isBeyond = compare(frame.to, hole.to) >= 0;
      const to = isBeyond ? hole.to : frame.to;
      hole.from = to;
      onGap({ from: frame.from, to });
      if (isBeyond) filled();
    }
  }

  function filled(): void {
    link?.close();
    link = undefined;
    holes.shift();
    next();
  }

  return {
    add(from, to) {
      holes.push({ from, to });
      next();
    },
    oldest: () => holes[0]?.from,
    close() {
      holes.length = 0;
      link?.close();
      link = undefined;
    },
  };
}

/** Where `cursor` lies as seen from `end`: before it (below 0), on it, or after. Another history is before. */
function compare(cursor: string, end: string): number {
  const [epoch, offset] = cursor.split(".");
  const [endEpoch, endOffset] = end.split(".");
  return epoch === endEpoch ? Number(offset) - Number(endOffset) : -1;
}
