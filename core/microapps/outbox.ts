/**
 * The one writer of a child's stdin: frames leave whole and in order.
 *
 * @module
 */
import type { Writable } from "node:stream";

/** How much may wait for a child that does not read. */
export interface OutboxLimits {
  /** Notifications waiting; beyond it the oldest of them is dropped. */
  readonly notices: number;
  /** Bytes of waiting notifications, counted as UTF-16 units; beyond it the oldest is dropped. */
  readonly noticeChars: number;
}

/** A frame that waits; `text` is null once it was written or withdrawn. */
interface Entry {
  text: string | null;
  readonly notice: boolean;
}

/** A frame on its way, to withdraw it by. */
export type Leaving = Readonly<Entry>;

/** Frames on their way out. */
export interface Outbox {
  /**
   * Adds a frame that is never dropped. It leaves with what else this turn of the loop brings, or, when
   * it is `alone` and nothing will join it, at once.
   */
  send(line: string, options?: { readonly alone: boolean }): Leaving;
  /** Takes a frame back, if it has not left yet. */
  withdraw(leaving: Leaving): void;
  /** Adds a notification, which may be dropped in favour of later ones. */
  notify(line: string): void;
  /** UTF-16 units that wait. */
  readonly waitingChars: number;
  /** Notifications dropped so far. */
  readonly droppedNotices: number;
  /** Nothing more is written. */
  close(): void;
}

const TOGETHER = { alone: false };

/** Builds the writer; `onRoom` is called whenever everything that waited has been handed over. */
export function createOutbox(
  { output, limits, onRoom }: { output: Writable; limits: OutboxLimits; onRoom: () => void },
): Outbox {
  let entries: Entry[] = [];
  let notices: Entry[] = [];
  let waitingChars = 0;
  let noticeChars = 0;
  let withdrawn = 0;
  let droppedNotices = 0;
  let blocked = false;
  let scheduled = false;
  let closed = false;

  function flush(): void {
    scheduled = false;
    if (blocked || closed) return;
    if (entries.length === 0) return onRoom();
    const leaving = entries;
    entries = [];
    notices = [];
    waitingChars = 0;
    noticeChars = 0;
    withdrawn = 0;
    let text = "";
    for (const entry of leaving) {
      text += entry.text ?? "";
      entry.text = null;
    }
    if (text !== "" && !output.write(text)) {
      blocked = true;
      output.once("drain", () => {
        blocked = false;
        flush();
      });
    }
    if (!blocked) onRoom();
  }

  function withdraw(entry: Entry): void {
    if (entry.text === null || closed) return;
    waitingChars -= entry.text.length;
    if (entry.notice) noticeChars -= entry.text.length;
    entry.text = null;
    // Without this, a child that never reads would collect empty entries for ever.
    if (++withdrawn > 1024 && withdrawn > entries.length / 2) {
      entries = entries.filter(({ text }) => text !== null);
      withdrawn = 0;
    }
  }

  function add(text: string, { notice, alone }: { notice: boolean; alone: boolean }): Entry {
    const entry: Entry = { text, notice };
    if (closed) return entry;
    entries.push(entry);
    waitingChars += text.length;
    // One write for all that one turn of the loop produced: half the system calls under load. What
    // runs as a tick comes after every promise that is due, so those who were answered together ask
    // together again.
    if (alone) flush();
    else if (!scheduled && !blocked) {
      scheduled = true;
      process.nextTick(flush);
    }
    return entry;
  }

  return {
    send: (line, { alone } = TOGETHER) => add(line, { notice: false, alone }),
    withdraw,
    notify(line) {
      if (closed) return;
      notices.push(add(line, { notice: true, alone: false }));
      noticeChars += line.length;
      while (notices.length > limits.notices || noticeChars > limits.noticeChars) {
        const oldest = notices.shift();
        if (oldest === undefined) break;
        withdraw(oldest);
        droppedNotices += 1;
      }
    },
    get waitingChars() {
      return waitingChars;
    },
    get droppedNotices() {
      return droppedNotices;
    },
    close() {
      closed = true;
      entries = [];
      notices = [];
      waitingChars = 0;
    },
  };
}
