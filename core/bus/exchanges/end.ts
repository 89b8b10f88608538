/**
 * One end of an exchange: frames in order, as many bytes under way as the other end has room for.
 *
 * @module
 */
import {
  CodedError,
  type DataForm,
  type ErrorCode,
  type ExchangeFrame,
  type ExchangeHead,
  type SocketClose,
} from "../../contract/mod.ts";

/** What the other end sent, credit apart; after `end` comes nothing. */
export type Received = Extract<ExchangeFrame, { kind: "head" | "data" | "end" }>;

/** What a piece of data belongs to. @default {a body} */
export interface DataKind {
  readonly form: DataForm;
  readonly hasMore: boolean;
}

/**
 * One end of an exchange. Either direction ends by itself; `cancel` ends both. Whatever waits rejects
 * with the {@linkcode CodedError} of an exchange that was cancelled or lost.
 */
export interface ExchangeEnd {
  readonly sendHead: (head: ExchangeHead) => void;
  /** Resolves when all of it has left; one call at a time. */
  readonly write: (bytes: Uint8Array, kind?: DataKind) => Promise<void>;
  /** Says that nothing more comes from here. */
  readonly end: (close?: SocketClose) => void;
  /** Ends both directions at once, unless they have ended; the other end hears `code`. */
  readonly cancel: (code: ErrorCode) => void;
  /** What comes next; one call at a time. With each call, data given before counts as dealt with. */
  readonly next: () => Promise<Received>;
  /** Aborts when the exchange is cancelled or lost; not when it ends well. */
  readonly signal: AbortSignal;
}

/** An end as the line sees it. */
export interface LineEnd extends ExchangeEnd {
  /** Takes a frame of the other end. */
  readonly receive: (frame: ExchangeFrame, number: number) => void;
  /** Takes the first credit, for the side that opened before it knew the other. */
  readonly grant: (bytes: number) => void;
  /** Ends it without a word to the other side. */
  readonly lose: (error: CodedError) => void;
  /** Frames sent and received so far. */
  readonly sent: () => number;
  readonly received: () => number;
  /** Whether the other end has said that nothing more comes from there. */
  readonly hasHeardEnd: () => boolean;
}

/** What an end stands on. */
export interface EndDeps {
  readonly send: (frame: ExchangeFrame, number: number) => void;
  /** Bytes the other end may have under way at most, right now. */
  readonly window: () => number;
  /** Bytes the other end was told it may send. */
  readonly granted: number;
  /** Bytes this end may send. */
  readonly credit: number;
  /** Called once, when both directions have ended or it was cancelled or lost. */
  readonly onOver: () => void;
}

/** Bytes of data in one frame. */
export const CHUNK_BYTES = 64 * 1024;
/** Bytes under way to the other end, whatever credit it claims to give. */
export const MAX_CREDIT_BYTES = 1024 * 1024;

/** What a small piece of data counts for: its object takes memory, too. */
const MIN_COST_BYTES = 64;

const BODY: DataKind = { form: "bytes", hasMore: false };

/** Builds an end. */
export function createEnd(deps: EndDeps): LineEnd {
  const stop = new AbortController();
  const inbox: Received[] = [];
  let credit = Math.min(deps.credit, MAX_CREDIT_BYTES);
  /** Bytes that the other end may still send, and those that came and are not dealt with. */
  let granted = deps.granted;
  let held = 0;
  /** Bytes of what `next` gave last. */
  let inHand = 0;
  let sent = 0;
  let received = 0;
  let saidEnd = false;
  let heardEnd = false;
  let isOver = false;
  let failure: CodedError | undefined;
  let wakeReader: (() => void) | undefined;
  let wakeWriter: (() => void) | undefined;

  function send(frame: ExchangeFrame): void {
    deps.send(frame, sent++);
  }

  function finish(error?: CodedError): void {
    if (isOver) return;
    isOver = true;
    failure = error;
    if (error !== undefined) {
      // Whoever said everything may leave before it was read.
      if (!heardEnd) inbox.length = 0;
      stop.abort(error);
    }
    wakeReader?.();
    wakeWriter?.();
    deps.onOver();
  }

  function finishWhenDone(): void {
    if (saidEnd && heardEnd) finish();
  }

  function cancelWith(error: CodedError): void {
    if (isOver) return;
    send({ kind: "cancel", code: error.code });
    finish(error);
  }

  function grant(bytes: number): void {
    credit = Math.min(credit + bytes, MAX_CREDIT_BYTES);
    wakeWriter?.();
  }

  /** Tells the other end of room, not for every few bytes. */
  function makeRoom(): void {
    if (isOver || heardEnd) return;
    const window = deps.window();
    const room = window - granted - held;
    if (room < Math.max(1, window / 4)) return;
    granted += room;
    send({ kind: "credit", bytes: room });
  }

  function take(frame: Received): void {
    if (heardEnd) return cancelWith(invalid("something came after the end"));
    if (frame.kind === "data") {
      const cost = costOf(frame.bytes);
      if (cost > granted) return cancelWith(invalid("more came than was asked for"));
      granted -= cost;
      held += cost;
    }
    inbox.push(frame);
    wakeReader?.();
    if (frame.kind !== "end") return;
    heardEnd = true;
    finishWhenDone();
  }

  return {
    signal: stop.signal,
    sendHead(head) {
      if (!isOver && !saidEnd) send({ kind: "head", head });
    },
    async write(bytes, { form, hasMore } = BODY) {
      let at = 0;
      do {
        while (credit < MIN_COST_BYTES && !isOver) {
          await new Promise<void>((resolve) => wakeWriter = resolve);
        }
        if (failure !== undefined) throw failure;
        if (isOver || saidEnd) throw new TypeError("Cannot write: the end was said");
        const size = Math.min(bytes.length - at, credit, CHUNK_BYTES);
        const piece = bytes.subarray(at, at += size);
        credit -= costOf(piece);
        send({ kind: "data", form, hasMore: hasMore || at < bytes.length, bytes: piece });
      } while (at < bytes.length);
    },
    end(close) {
      if (isOver || saidEnd) return;
      saidEnd = true;
      send({ kind: "end", close: close ?? null });
      finishWhenDone();
    },
    cancel: (code) => cancelWith(new CodedError(code, "Cannot go on: the exchange was cancelled")),
    async next() {
      held -= inHand;
      if (inHand > 0) makeRoom();
      inHand = 0;
      while (inbox.length === 0 && !isOver) {
        await new Promise<void>((resolve) => wakeReader = resolve);
      }
      const frame = inbox.shift();
      if (frame === undefined && failure !== undefined) throw failure;
      if (frame === undefined) throw new TypeError("Cannot read on: the other end has ended");
      if (frame.kind === "data") inHand = costOf(frame.bytes);
      return frame;
    },
    receive(frame, number) {
      if (isOver) return;
      if (number !== received) return cancelWith(lostError("frames were lost on the way"));
      received += 1;
      if (frame.kind === "credit") return grant(frame.bytes);
      if (frame.kind !== "cancel") return take(frame);
      finish(new CodedError(frame.code, "Cannot go on: the other end has cancelled"));
    },
    grant,
    lose: finish,
    sent: () => sent,
    received: () => received,
    hasHeardEnd: () => heardEnd,
  };
}

function costOf({ length }: Uint8Array): number {
  return Math.max(length, MIN_COST_BYTES);
}

/** What an exchange ends with when the other half is no longer there. */
export function lostError(state: string): CodedError {
  return new CodedError("exchange_lost", `Cannot go on with the exchange: ${state}`);
}

function invalid(state: string): CodedError {
  return new CodedError("exchange_invalid", `Cannot go on with the exchange: ${state}`);
}
