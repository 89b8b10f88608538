/**
 * Requests that wait for their answers, by reply subject.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { isTimeout, openDeadline } from "../flow/deadline.ts";
import type { InFrame, Link, OutFrame } from "./nats_link.ts";

/** Limits of one request. */
export interface AskOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal | undefined;
}

/** Asks over a link. */
export interface Asks {
  /**
   * The answer as it came.
   *
   * @throws {CodedError} `bus_no_responder`, `bus_timeout`, `bus_closed`; `bus_unreachable` also when
   * the connection is lost before the answer; and what {@linkcode Link.send} throws
   */
  ask(frame: Omit<OutFrame, "reply">, options: AskOptions): Promise<InFrame>;
  /** Rejects all that wait. */
  close(error: CodedError): void;
}

/** Listens for answers on `link` from now on. */
export function createAsks(link: Link): Asks {
  const waiting = new Map<string, { settle(frame: InFrame): void; fail(error: unknown): void }>();
  let last = 0;

  link.listen({
    pattern: `${link.inbox}.*`,
    hear: (frame) => waiting.get(frame.subject)?.settle(frame),
  });
  link.onLost(failAll);

  function failAll(error: CodedError): void {
    for (const ask of waiting.values()) ask.fail(error);
  }

  function answerOf(reply: string, signal: AbortSignal): Promise<InFrame> {
    return new Promise((resolve, reject) => {
      waiting.set(reply, { settle: resolve, fail: reject });
      signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  }

  return {
    async ask(frame, { timeoutMs, signal }) {
      signal?.throwIfAborted();
      using deadline = openDeadline(signal, timeoutMs);
      const reply = `${link.inbox}.${++last}`;
      const answer = answerOf(reply, deadline.signal);
      // A failed send leaves nobody to hear of a later rejection.
      answer.catch(() => undefined);
      try {
        link.send({ ...frame, reply });
        const came = await answer;
        if (came.status === 503) throw noResponder(frame.subject);
        return came;
      } catch (error) {
        if (signal?.aborted === true || !isTimeout(error)) throw error;
        const message = `Cannot request "${frame.subject}": no answer in ${timeoutMs} ms`;
        throw new CodedError("bus_timeout", message, { cause: error });
      } finally {
        waiting.delete(reply);
      }
    },
    close: failAll,
  };
}

function noResponder(subject: string): CodedError {
  return new CodedError("bus_no_responder", `Cannot request "${subject}": nobody answers there`);
}
