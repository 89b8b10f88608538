/**
 * Requests whose body can be taken as Node's parser finds it.
 *
 * A stream hands each piece on a tick later, through a buffer, and tells of its end and of its close by
 * events of their own; for a webhook, whose body mostly comes in one piece, that costs more than its HMAC.
 *
 * @module
 */
import { IncomingMessage } from "node:http";

/** Takes a body. */
export interface BodyTaker {
  readonly onPiece: (piece: Buffer<ArrayBuffer>) => void;
  /** All of it came. */
  readonly onEnd: () => void;
  /** The connection ended first. */
  readonly onLost: () => void;
}

/** A request of our server; a stream like any other until {@linkcode Incoming.takeBody}. */
export class Incoming extends IncomingMessage {
  #taker: BodyTaker | undefined;

  /** Gives the body to `taker` instead of the stream; before anybody read or heard any of it. */
  takeBody(taker: BodyTaker): void {
    if (this.destroyed && !this.complete) return taker.onLost();
    this.#taker = taker;
    // What came before waits in the stream. Reading also marks the request as taken care of: the server
    // throws away what nobody read.
    let piece = this.read() as Buffer<ArrayBuffer> | null;
    while (piece !== null && this.#taker === taker) {
      taker.onPiece(piece);
      piece = this.read() as Buffer<ArrayBuffer> | null;
    }
    if (this.complete && this.#taker === taker) taker.onEnd();
  }

  /** Ends taking; what is still to come goes to the stream again. */
  releaseBody(): void {
    this.#taker = undefined;
  }

  override push(piece: Buffer<ArrayBuffer> | null, encoding?: BufferEncoding): boolean {
    if (this.#taker === undefined) return super.push(piece, encoding);
    if (piece === null) this.#taker.onEnd();
    else this.#taker.onPiece(piece);
    return true;
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const taker = this.#taker;
    this.#taker = undefined;
    taker?.onLost();
    super._destroy(error, done);
  }
}
