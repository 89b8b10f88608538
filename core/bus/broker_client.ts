/**
 * One NATS client of the broker: its operations in, its messages out.
 *
 * @module
 */
import { CodedError, codeOf, matchSubject } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { errorFrame, FRAMES, messageFrame, noResponderFrame } from "./broker_frames.ts";
import {
  type ClientOp,
  type ConnectOptions,
  createClientParser,
  ProtocolFault,
} from "./broker_parser.ts";
import { errorReply } from "./reply.ts";
import type { Packet, Router } from "./router.ts";
import { within } from "./within.ts";

/** The socket underneath. */
export interface ClientSocket {
  send(frame: Buffer): void;
  /** Bytes sent that have not left. */
  bufferedBytes(): number;
  /** No more chunks until {@linkcode resume}. */
  pause(): void;
  resume(): void;
  /** Lets what was sent leave, then ends. */
  close(): void;
  /** Ends at once. */
  terminate(): void;
}

/** What {@linkcode createClient} needs. */
export interface ClientDeps {
  readonly id: number;
  readonly router: Router;
  readonly socket: ClientSocket;
  readonly isAllowed: (token: string | undefined) => boolean;
  readonly maxPayloadBytes: number;
  readonly maxSubscriptions: number;
  /** Bytes that may wait for a slow client before it is cut. */
  readonly maxBufferedBytes: number;
  readonly log: Log;
}

/** A client that is connected. */
export interface BrokerClient {
  readonly isSignedIn: () => boolean;
  /** Takes what came over the socket. */
  feed(chunk: Uint8Array): void;
  /** Asks for a sign of life; cuts the client when it missed too many. */
  ping(): void;
  /** Says why, and ends the connection. */
  refuse(reason: string): void;
  /** Takes its subscriptions away; the socket is gone. */
  end(): void;
}

interface ClientSubscription {
  readonly pattern: string;
  readonly stop: () => void;
  delivered: number;
  max: number | undefined;
}

/** Pings without an answer. */
const MAX_PINGS_OUT = 2;
/** A router that is never idle must not cost a client its pong. */
const SETTLE_LIMIT_MS = 100;

/** Greets nobody and starts nothing: the caller sends INFO and feeds what comes. */
export function createClient(deps: ClientDeps): BrokerClient {
  const { id, router, socket, log } = deps;
  const parser = createClientParser({ maxPayloadBytes: deps.maxPayloadBytes });
  const subscriptions = new Map<string, ClientSubscription>();
  /** What this client published and does not want to hear. */
  const own = new WeakSet<Packet>();
  const chunks: Uint8Array[] = [];
  let options: ConnectOptions | undefined;
  let outgoing: Buffer[] = [];
  let outgoingBytes = 0;
  let isReading = false;
  let isEnded = false;
  let pingsOut = 0;

  function write(...frames: readonly Buffer[]): void {
    if (isEnded) return;
    if (outgoing.length === 0) queueMicrotask(flush);
    for (const frame of frames) {
      outgoing.push(frame);
      outgoingBytes += frame.length;
    }
  }

  /** One frame for all that a turn of the loop has for this client. */
  function flush(): void {
    if (outgoing.length === 0 || isEnded) return;
    const [only] = outgoing;
    const frame = outgoing.length === 1 && only !== undefined
      ? only
      : Buffer.concat(outgoing, outgoingBytes);
    [outgoing, outgoingBytes] = [[], 0];
    socket.send(frame);
    if (socket.bufferedBytes() <= deps.maxBufferedBytes) return;
    log.warn("broker.slow_client", { client: id, bufferedBytes: socket.bufferedBytes() });
    // What waits would have to leave before it could be told why.
    socket.terminate();
    end();
  }

  function end(): void {
    if (isEnded) return;
    isEnded = true;
    [outgoing, outgoingBytes] = [[], 0];
    chunks.length = 0;
    for (const { stop } of subscriptions.values()) stop();
    subscriptions.clear();
  }

  function refuse(reason: string): void {
    if (isEnded) return;
    log.warn("broker.client_refused", { client: id, reason });
    write(errorFrame(reason));
    flush();
    end();
    socket.close();
  }

  function deliver(sid: string, packet: Packet): void {
    const subscription = subscriptions.get(sid);
    if (subscription === undefined || own.has(packet)) return;
    subscription.delivered += 1;
    write(...messageFrame(sid, packet, options?.headers === true));
    if (subscription.delivered === subscription.max) unsubscribe(sid);
  }

  function subscribe({ pattern, queue, sid }: ClientOp & { kind: "sub" }): void {
    if (subscriptions.has(sid)) return;
    if (subscriptions.size >= deps.maxSubscriptions) {
      return refuse("Maximum Subscriptions Exceeded");
    }
    const stop = router.listen({ pattern, queue, role: "both" }, (packet) => deliver(sid, packet));
    subscriptions.set(sid, { pattern, stop, delivered: 0, max: undefined });
  }

  function unsubscribe(sid: string): void {
    subscriptions.get(sid)?.stop();
    subscriptions.delete(sid);
  }

  function limit({ sid, max }: ClientOp & { kind: "unsub" }): void {
    const subscription = subscriptions.get(sid);
    if (subscription === undefined) return;
    if (max === undefined || subscription.delivered >= max) unsubscribe(sid);
    else subscription.max = max;
  }

  function publish(op: ClientOp & { kind: "pub" }): Promise<void> | undefined {
    const { subject, reply, data, headers } = op;
    const packet: Packet = { subject, reply, data, headers };
    if (options?.echo === false) own.add(packet);
    return trySend(packet) ? undefined : publishLater(packet);
  }

  /** A burst may be more than a subscriber here holds: its queue is given one chance to run dry. */
  async function publishLater(packet: Packet): Promise<void> {
    await router.idle();
    if (trySend(packet)) return;
    const { subject, reply } = packet;
    log.warn("broker.overflow", { client: id, subject });
    const message = `Cannot publish to "${subject}": a subscriber has no room`;
    if (reply !== undefined) answerOwn(reply, errorReply(new CodedError("bus_overflow", message)));
  }

  function trySend(packet: Packet): boolean {
    try {
      if (router.send(packet) === 0 && packet.reply !== undefined) sayNobody(packet.reply);
      return true;
    } catch (error) {
      if (codeOf(error) === "bus_overflow") return false;
      throw error;
    }
  }

  function ownSid(subject: string): string | undefined {
    for (const [sid, { pattern }] of subscriptions) {
      if (matchSubject(pattern, subject)) return sid;
    }
    return undefined;
  }

  function sayNobody(reply: string): void {
    if (options?.no_responders !== true || !options.headers) return;
    const sid = ownSid(reply);
    if (sid !== undefined) write(noResponderFrame(sid, reply));
  }

  function answerOwn(subject: string, answer: Pick<Packet, "data" | "headers">): void {
    const sid = ownSid(subject);
    if (sid !== undefined) deliver(sid, { subject, ...answer });
  }

  function signIn(wanted: ConnectOptions): void {
    if (!deps.isAllowed(wanted.auth_token)) return refuse("Authorization Violation");
    options = wanted;
    sayOk();
  }

  function take(op: ClientOp): Promise<void> | undefined {
    if (op.kind === "ping") return afterQueued(() => write(FRAMES.pong));
    if (op.kind === "pong") pingsOut = 0;
    else if (op.kind === "connect") signIn(op.options);
    else if (options === undefined) refuse("Authorization Violation");
    else return use(op);
    return undefined;
  }

  /** What only those who signed in may do. */
  function use(op: ClientOp & { kind: "sub" | "unsub" | "pub" }): Promise<void> | undefined {
    sayOk();
    if (op.kind === "pub") return publish(op);
    if (op.kind === "unsub") return afterQueued(() => limit(op));
    subscribe(op);
    return undefined;
  }

  /** Clients count on it: what was published before they asked is delivered before the answer. */
  async function afterQueued(act: () => void): Promise<void> {
    await within(SETTLE_LIMIT_MS, router.idle());
    act();
  }

  function sayOk(): void {
    if (options?.verbose === true) write(FRAMES.ok);
  }

  async function read(): Promise<void> {
    for (let chunk = chunks.shift(); chunk !== undefined; chunk = chunks.shift()) {
      for (const op of parser.read(chunk)) {
        const taking = take(op);
        if (taking !== undefined) await taking;
        if (isEnded) return;
      }
    }
    isReading = false;
    socket.resume();
  }

  return {
    isSignedIn: () => options !== undefined,
    feed(chunk) {
      if (isEnded) return;
      chunks.push(chunk);
      // A client is heard as fast as the bus takes what it says.
      if (isReading) return socket.pause();
      isReading = true;
      read().catch((error: unknown) => {
        if (!(error instanceof ProtocolFault)) log.error("broker.client_failed", { error });
        refuse(error instanceof ProtocolFault ? error.message : "Internal Error");
      });
    },
    ping() {
      if (pingsOut >= MAX_PINGS_OUT) return refuse("Stale Connection");
      pingsOut += 1;
      write(FRAMES.ping);
    },
    refuse,
    end,
  };
}
