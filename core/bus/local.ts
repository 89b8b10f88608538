/**
 * The bus inside one process: nothing to install, same rules as NATS.
 *
 * @module
 */
import { CodedError, codeOf, type Handoff, messageOf, type Outcome } from "../contract/mod.ts";
import { isTimeout, openDeadline } from "../flow/deadline.ts";
import type { Bus, Message, RequestOptions } from "./bus.ts";
import { createEndings } from "./endings.ts";
import { createGather } from "./gather.ts";
import { errorReply, lowerHeaders, readReply } from "./reply.ts";
import { createRouter, type Packet, type Router } from "./router.ts";

/** Bounds of {@linkcode openLocalBus}. */
export interface LocalBusOptions {
  /** Messages one subscriber may hold, queued or being answered. @default {1024} */
  queueLimit?: number | undefined;
  /** Hand-offs that may wait for the one under way. @default {16384} */
  handoffLimit?: number | undefined;
  /** Hears what a subscriber threw; without it, that ends the process as an uncaught exception. */
  onError?: ((error: unknown) => void) | undefined;
}

/** A local bus, and the router underneath for whoever carries packets to other processes. */
export interface LocalBus extends Bus {
  readonly router: Router;
}

type Serve = (handoffs: readonly Handoff[]) => Promise<Outcome[]>;

/** Answers to this process's own requests; other processes reach them through the router. */
const INBOX = "_INBOX.local.";

/**
 * Opens a bus that lives as long as the process. Disposing delivers what subscribers have queued and
 * rejects what waits for an answer with `bus_closed`.
 */
export function openLocalBus(options: LocalBusOptions = {}): LocalBus {
  const { queueLimit = 1024, handoffLimit, onError = throwApart } = options;
  const router = createRouter({ queueLimit, onError, onLost: (packet) => refuse(packet) });
  const asks = createAsks();
  const servers: Serve[] = [];
  let turn = 0;
  const endings = createEndings();
  let closed = false;

  const gather = createGather<Handoff, Outcome>({
    waitingLimit: handoffLimit,
    ship: async (batch) => {
      const serve = servers[turn++ % Math.max(1, servers.length)];
      if (serve === undefined) {
        throw new CodedError("bus_no_responder", "Cannot hand off: nobody takes envelopes");
      }
      try {
        return await serve(batch);
      } catch (error) {
        throw new CodedError(codeOf(error), messageOf(error), { cause: error });
      }
    },
  });

  function assertOpen(): void {
    if (closed) throw closedError();
  }

  function whileOpen(signal: AbortSignal | undefined, start: () => () => void): void {
    assertOpen();
    endings.begin(signal, start);
  }

  /** Own inboxes are reached directly: a full subscriber on `>` must not cost anyone the answer. */
  function answer(reply: string, message: Omit<Message, "subject">): void {
    if (asks.settle({ subject: reply, ...message }) || closed) return;
    if (reply.startsWith(INBOX)) return;
    try {
      router.send({ subject: reply, ...message });
    } catch (error) {
      // The asker's own queue is full: its timeout tells it, and nobody here is to blame.
      if (codeOf(error) !== "bus_overflow") throw error;
    }
  }

  function refuse({ subject, reply }: Packet): void {
    if (reply !== undefined) answer(reply, errorReply(noResponder(subject)));
  }

  whileOpen(
    undefined,
    () =>
      router.listen({ pattern: `${INBOX}*`, role: "hear" }, (packet) => void asks.settle(packet)),
  );

  return {
    router,
    publish(subject, data, headers) {
      assertOpen();
      router.send({ subject, data, headers: lowerHeaders(headers) });
    },
    async request(subject, data, { headers, signal, timeoutMs = 5000 }: RequestOptions = {}) {
      assertOpen();
      signal?.throwIfAborted();
      using deadline = openDeadline(signal, timeoutMs);
      using ask = asks.open(deadline.signal);
      const sent = { subject, data, headers: lowerHeaders(headers), reply: ask.reply };
      if (router.send(sent) === 0) throw noResponder(subject);
      try {
        return { ...readReply(await ask.answer), subject };
      } catch (error) {
        if (signal?.aborted === true || !isTimeout(error)) throw error;
        const message = `Cannot request "${subject}": no answer in ${timeoutMs} ms`;
        throw new CodedError("bus_timeout", message, { cause: error });
      }
    },
    subscribe(pattern, { queue, signal }, handler) {
      whileOpen(signal, () => router.listen({ pattern, queue, role: "hear" }, handler));
    },
    respond(pattern, { queue, signal }, handler) {
      whileOpen(signal, () =>
        router.listen({ pattern, queue, role: "answer" }, async (packet) => {
          const reply = await replyOf(packet, handler);
          if (packet.reply !== undefined) answer(packet.reply, reply);
        }));
    },
    publishDurable: (handoffs) => gather.add(handoffs),
    serveDurable({ signal }, handler) {
      whileOpen(signal, () => {
        servers.push(handler);
        return () => void servers.splice(servers.indexOf(handler), 1);
      });
    },
    status: () => closed ? "closed" : "ready",
    async [Symbol.asyncDispose]() {
      closed = true;
      asks.close();
      gather.close(closedError());
      await router.idle();
      endings.endAll();
    },
  };
}

interface Ask extends Disposable {
  readonly reply: string;
  readonly answer: Promise<Message>;
}

/** The requests of this process that wait for an answer, by their reply subject. */
function createAsks() {
  const waiting = new Map<
    string,
    { resolve(message: Message): void; reject(error: unknown): void }
  >();
  let last = 0;
  return {
    /** Opens a place for one answer; it rejects with the reason when `signal` aborts. */
    open(signal: AbortSignal): Ask {
      const reply = `${INBOX}${++last}`;
      const answer = new Promise<Message>((resolve, reject) => {
        waiting.set(reply, { resolve, reject });
        signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
      });
      // A failed send leaves nobody to hear of a later rejection.
      answer.catch(() => undefined);
      return { reply, answer, [Symbol.dispose]: () => void waiting.delete(reply) };
    },
    /** Whether the message was an answer somebody waits for. */
    settle(message: Message): boolean {
      const ask = waiting.get(message.subject);
      ask?.resolve(message);
      return ask !== undefined;
    },
    close(): void {
      for (const ask of waiting.values()) ask.reject(closedError());
    },
  };
}

async function replyOf(
  packet: Packet,
  handler: (message: Message) => Promise<Uint8Array>,
): Promise<Omit<Message, "subject">> {
  try {
    return { data: await handler(packet), headers: {} };
  } catch (error) {
    return errorReply(error);
  }
}

function noResponder(subject: string): CodedError {
  return new CodedError("bus_no_responder", `Cannot request "${subject}": nobody answers there`);
}

function closedError(): CodedError {
  return new CodedError("bus_closed", "Cannot use the bus: it was closed");
}

function throwApart(error: unknown): void {
  queueMicrotask(() => {
    throw error;
  });
}
