/**
 * The bus over a NATS server; the only file that knows which client library speaks to it.
 *
 * @module
 */
import {
  type Authenticator,
  connect,
  type ConnectionOptions,
  createInbox,
  credsAuthenticator,
  headers as newHeaders,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
  type Subscription,
} from "nats.ws";
import { WebSocket } from "ws";
import {
  type Clock,
  CodedError,
  codeOf,
  messageOf,
  type Random,
  subjects,
} from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { Bus, Headers } from "./bus.ts";
import { openHandoffSeal } from "./handoff_seal.ts";
import { createAsks } from "./nats_asks.ts";
import { createNatsBus } from "./nats_bus.ts";
import {
  type IngestStream,
  type IngestStreamDeps,
  openIngestStream,
} from "./nats_ingest_stream.ts";
import type { InFrame, Link } from "./nats_link.ts";

/** How a client proves who it is. */
export type NatsAuth =
  | { readonly token: string }
  | { readonly user: string; readonly pass: string }
  /** The seed of a user's nkey, `SU…`. */
  | { readonly nkeySeed: string }
  /** The text of a `.creds` file. */
  | { readonly creds: string };

/** Settings of {@linkcode openNatsBus}. */
export interface NatsBusOptions {
  /** `ws://` or `wss://` of the server's WebSocket port; several of one cluster, comma-separated. */
  readonly url: string;
  /** Absent: the name, password or token in `url`, if any. */
  readonly auth?: NatsAuth | undefined;
  /** What the server shows for this connection. */
  readonly name: string;
  /** Whether hand-offs wait for core in JetStream; `auto`: when the server has it. @default {"auto"} */
  readonly jetStream?: boolean | "auto" | undefined;
  /** `NEXO_EDGE_KEY`, 32 bytes or more: hand-offs are sealed, and unsealed ones refused. */
  readonly sealKey?: Uint8Array | undefined;
  readonly now: Clock;
  readonly log: Log;
  /** @default {crypto.getRandomValues} */
  readonly random?: Random | undefined;
  /** Requests one responder may have under way. @default {1024} */
  readonly answerLimit?: number | undefined;
  /** When a hand-off given to a core that vanished goes to the next, in milliseconds. @default {15000} */
  readonly ackWaitMs?: number | undefined;
}

/** How long one try to connect may take. */
const CONNECT_LIMIT_MS = 5000;
/** A connection that is silent for three of these is dead. */
const PING_EVERY_MS = 10_000;
/** Pause between tries after a loss, and what chance adds, so that many edges do not come at once. */
const RECONNECT_MS = 200;
const RECONNECT_JITTER_MS = 800;
/** Pause between tries after the library has given up. */
const REOPEN_PAUSE = { firstMs: 500, maxMs: 10_000 };
/** Bytes that may wait to leave. */
const SEND_BUFFER_BYTES = 64 * 1024 * 1024;
/** How long closing waits for what still has to leave. */
const CLOSE_LIMIT_MS = 2000;

/**
 * Connects, and stays connected: losses are mended for ever, in the background.
 *
 * @throws {CodedError} `bus_unreachable` or `bus_unauthorized` with the reason, at the first failure;
 * `config_invalid` when `jetStream` is true and the server has none
 */
export async function openNatsBus(options: NatsBusOptions): Promise<Bus> {
  const { jetStream = "auto", log, answerLimit = 1024, ackWaitMs = 15_000 } = options;
  const random = options.random ?? ((bytes) => crypto.getRandomValues(bytes));
  const seal = await openHandoffSeal({ key: options.sealKey, subject: subjects.ingest, random });
  const link = await openNatsLink({ ...options, random });
  try {
    const asks = createAsks(link);
    const streamDeps = { link, asks, random, log, ackWaitMs };
    const stream = jetStream === false
      ? undefined
      : await findStream(streamDeps, jetStream === "auto");
    return createNatsBus({ link, asks, seal, stream, log, answerLimit });
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

async function findStream(
  deps: IngestStreamDeps,
  optional: boolean,
): Promise<IngestStream | undefined> {
  try {
    return await openIngestStream(deps);
  } catch (error) {
    if (!optional || codeOf(error) !== "config_invalid") throw error;
    deps.log.info("bus.without_jetstream", { reason: messageOf(error) });
    return undefined;
  }
}

interface Listener {
  readonly pattern: string;
  readonly queue: string | undefined;
  readonly hear: (frame: InFrame) => void;
  subscription: Subscription | undefined;
}

type LinkOptions = NatsBusOptions & { readonly random: Random };

async function openNatsLink(options: LinkOptions): Promise<Link> {
  const { now, log } = options;
  const dial = createDial(options);
  let current = await dial();
  let state: ReturnType<Link["status"]> = "ready";
  let lostAtMs = 0;
  const listeners = new Set<Listener>();
  const onLost = new Set<(error: CodedError) => void>();
  let awaiting: { resolve(): void; reject(error: unknown): void }[] = [];
  let closing: Promise<void> | undefined;

  function attach(listener: Listener): void {
    const { pattern, queue, hear } = listener;
    listener.subscription = current.nats.subscribe(pattern, {
      ...(queue === undefined ? {} : { queue }),
      callback(error, message) {
        if (error === null) hear(frameOf(message));
        else log.warn("bus.subscription_refused", { pattern, error: error.message });
      },
    });
  }

  function down(): void {
    if (state !== "ready") return;
    state = "reconnecting";
    lostAtMs = now();
    log.warn("bus.lost", { name: options.name });
    const error = new CodedError("bus_unreachable", "Cannot wait for an answer: the bus was lost");
    for (const lost of onLost) lost(error);
  }

  function up(): void {
    if (state !== "reconnecting") return;
    state = "ready";
    log.info("bus.reconnected", { name: options.name, downMs: now() - lostAtMs });
    for (const { resolve } of awaiting) resolve();
    awaiting = [];
  }

  async function watch({ nats }: Connection): Promise<void> {
    for await (const { type, data } of nats.status()) {
      if (type === "disconnect") down();
      else if (type === "reconnect") up();
      else if (type === "error") log.warn("bus.server_error", { error: String(data) });
    }
  }

  async function reopen(signal: AbortSignal): Promise<Connection> {
    for (let failures = 1;; failures++) {
      await delay(backoffMs(failures, REOPEN_PAUSE) + jitterMs(options.random), { signal });
      try {
        return await dial();
      } catch (error) {
        log.warn("bus.reopen_failed", { code: codeOf(error), error: messageOf(error) });
      }
    }
  }

  async function supervise(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      // Its words need not end when the connection does, so nobody waits for them.
      watch(current).catch((error: unknown) =>
        log.error("bus.status_failed", { error: messageOf(error) })
      );
      const why = await current.nats.closed();
      if (signal.aborted) return;
      // The library gave up, for example because credentials were refused twice.
      down();
      log.error("bus.closed_for_good", { error: messageOf(why ?? "no reason given") });
      current.socket()?.terminate();
      current = await reopen(signal);
      if (signal.aborted) return hangUp(current);
      for (const listener of listeners) attach(listener);
      up();
    }
  }

  const scope = openScope({
    onError: (error) => log.error("bus.supervision_ended", { error: messageOf(error) }),
  });
  scope.run(supervise);

  async function close(): Promise<void> {
    const wasReady = state === "ready";
    state = "closed";
    for (const { reject } of awaiting) reject(closedError());
    awaiting = [];
    if (wasReady) await within(CLOSE_LIMIT_MS, () => current.nats.flush());
    const supervised = scope[Symbol.asyncDispose]();
    await hangUp(current);
    await supervised;
  }

  return {
    inbox: createInbox(),
    get maxPayloadBytes() {
      return current.nats.info?.max_payload ?? 1024 * 1024;
    },
    send({ subject, data, headers, reply }) {
      if (state === "closed") throw closedError();
      if (state === "reconnecting") {
        throw new CodedError("bus_unreachable", `Cannot send to "${subject}": reconnecting`);
      }
      if ((current.socket()?.bufferedAmount ?? 0) > SEND_BUFFER_BYTES) {
        throw new CodedError("bus_overflow", `Cannot send to "${subject}": the server is too slow`);
      }
      const wire = headersOf(headers);
      try {
        current.nats.publish(subject, data, {
          ...(reply === undefined ? {} : { reply }),
          ...(wire === undefined ? {} : { headers: wire }),
        });
      } catch (error) {
        throw sendError(error, subject, data.length);
      }
    },
    listen({ pattern, queue }, hear) {
      const listener: Listener = { pattern, queue, hear, subscription: undefined };
      listeners.add(listener);
      // A connection that is gone for good is replaced with all its subscriptions.
      if (!current.nats.isClosed()) attach(listener);
      return () => {
        listeners.delete(listener);
        listener.subscription?.unsubscribe();
      };
    },
    onLost(lost) {
      onLost.add(lost);
      return () => void onLost.delete(lost);
    },
    ready(signal) {
      if (state === "ready") return Promise.resolve();
      if (state === "closed") return Promise.reject(closedError());
      return new Promise((resolve, reject) => {
        signal.throwIfAborted();
        const waiter = { resolve, reject };
        awaiting.push(waiter);
        signal.addEventListener("abort", () => {
          awaiting = awaiting.filter((other) => other !== waiter);
          reject(signal.reason as Error);
        }, { once: true });
      });
    },
    status: () => state,
    [Symbol.asyncDispose]: () => closing ??= close(),
  };
}

interface Connection {
  readonly nats: NatsConnection;
  /** The socket of the moment: each reconnection has its own. */
  readonly socket: () => WebSocket | undefined;
}

/** Returns a function that connects once, or says why not. */
function createDial(options: LinkOptions): () => Promise<Connection> {
  const { servers, shown, auth } = readUrl(options);
  const authentication = authenticationOf(auth, shown);

  return async function dial() {
    let socket: WebSocket | undefined;
    let failure: unknown;
    const settings: ConnectionOptions & { wsFactory: (url: string) => unknown } = {
      ...authentication,
      servers,
      name: options.name,
      noAsyncTraces: true,
      ignoreClusterUpdates: true,
      timeout: CONNECT_LIMIT_MS,
      pingInterval: PING_EVERY_MS,
      maxPingOut: 2,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => RECONNECT_MS + jitterMs(options.random),
      wsFactory(url) {
        // Node 20 has no WebSocket, and Deno's own holds small frames back for 44 ms.
        socket = new WebSocket(url, {
          perMessageDeflate: false,
          handshakeTimeout: CONNECT_LIMIT_MS,
        });
        socket.on("error", (error) => failure = error);
        return Promise.resolve({ socket, encrypted: url.startsWith("wss:") });
      },
    };
    try {
      return { nats: await connect(settings), socket: () => socket };
    } catch (error) {
      socket?.terminate();
      throw connectError(error, failure, shown);
    }
  };
}

async function hangUp({ nats, socket }: Connection): Promise<void> {
  await within(CLOSE_LIMIT_MS, () => nats.close());
  // The other side may never answer the goodbye.
  socket()?.terminate();
}

function readUrl({ url, auth }: NatsBusOptions): {
  servers: string[];
  shown: string;
  auth: NatsAuth | undefined;
} {
  let found = auth;
  const servers = url.split(",").map((part) => {
    const parsed = URL.canParse(part.trim()) ? new URL(part.trim()) : undefined;
    if (parsed?.protocol !== "ws:" && parsed?.protocol !== "wss:") {
      const state = "its URL must begin with ws:// or wss:// and name the server's WebSocket port";
      throw new CodedError("bus_unreachable", `Cannot connect to NATS: ${state}`);
    }
    const [user, pass] = [decodeURIComponent(parsed.username), decodeURIComponent(parsed.password)];
    if (user !== "") found ??= pass === "" ? { token: user } : { user, pass };
    [parsed.username, parsed.password] = ["", ""];
    return parsed.href;
  });
  return { servers, shown: servers.join(","), auth: found };
}

function authenticationOf(auth: NatsAuth | undefined, shown: string): ConnectionOptions {
  if (auth === undefined) return {};
  if ("token" in auth) return { token: auth.token };
  if ("user" in auth) return { user: auth.user, pass: auth.pass };
  const encoder = new TextEncoder();
  const authenticator: Authenticator = "creds" in auth
    ? credsAuthenticator(encoder.encode(auth.creds))
    : nkeyAuthenticator(encoder.encode(auth.nkeySeed.trim()));
  try {
    // The library would only find out while connecting, and then wait.
    authenticator("nonce");
  } catch (cause) {
    const what = "creds" in auth ? "creds file" : "nkey seed";
    throw unauthorized(shown, `the ${what} cannot be read`, cause);
  }
  return { authenticator };
}

function frameOf(message: Msg): InFrame {
  const { subject, reply, data, headers } = message;
  return {
    subject,
    reply: reply === undefined || reply === "" ? undefined : reply,
    data,
    headers: headers === undefined ? {} : lowerNames(headers),
    status: headers?.code ?? 0,
  };
}

function lowerNames(headers: MsgHdrs): Headers {
  return Object.fromEntries(
    headers.keys().map((name) => [name.toLowerCase(), headers.last(name)]),
  );
}

function headersOf(headers: Headers | undefined): MsgHdrs | undefined {
  if (headers === undefined) return undefined;
  const entries = Object.entries(headers);
  if (entries.length === 0) return undefined;
  const wire = newHeaders();
  for (const [name, value] of entries) {
    try {
      wire.set(name, value);
    } catch (cause) {
      throw new TypeError(`Cannot send header "${name}": its name or value is not allowed`, {
        cause,
      });
    }
  }
  return wire;
}

function connectError(error: unknown, failure: unknown, shown: string): CodedError {
  const cause = failure ?? error;
  const code = error instanceof NatsError ? error.code : "";
  if (code.includes("AUTH") || code === "BAD_CREDS" || code === "ACCOUNT_EXPIRED") {
    return unauthorized(shown, messageOf(error), error);
  }
  const state = code === "TIMEOUT" ? `no answer in ${CONNECT_LIMIT_MS} ms` : reasonOf(cause);
  const message = `Cannot connect to NATS at "${shown}": ${state}`;
  return new CodedError("bus_unreachable", message, { cause });
}

/** A host with several addresses fails with one error for each and no message of its own. */
function reasonOf(error: unknown): string {
  if (error instanceof AggregateError) return error.errors.map(reasonOf).join("; ");
  return messageOf(error) || "no reason given";
}

function unauthorized(shown: string, reason: string, cause: unknown): CodedError {
  const message = `Cannot sign in to NATS at "${shown}": ${reason}`;
  return new CodedError("bus_unauthorized", message, { cause });
}

function sendError(error: unknown, subject: string, bytes: number): unknown {
  const code = error instanceof NatsError ? error.code : undefined;
  if (code === "MAX_PAYLOAD_EXCEEDED") {
    const message = `Cannot send ${bytes} bytes to "${subject}": over the server's max_payload`;
    return new CodedError("bus_too_large", message, { cause: error });
  }
  if (code === undefined) return error;
  // Between its end and our noticing it.
  const message = `Cannot send to "${subject}": ${messageOf(error)}`;
  return new CodedError("bus_unreachable", message, { cause: error });
}

function closedError(): CodedError {
  return new CodedError("bus_closed", "Cannot use the bus: it was closed");
}

function jitterMs(random: Random): number {
  const [low = 0, high = 0] = random(new Uint8Array(2));
  return Math.floor((low + high * 256) / 65_536 * RECONNECT_JITTER_MS);
}

/** Whatever becomes of `task`, at most `limitMs` are spent on it. */
async function within(limitMs: number, task: () => Promise<unknown>): Promise<void> {
  const limit = new AbortController();
  await Promise.race([
    task().catch(() => undefined),
    delay(limitMs, { signal: limit.signal }).catch(() => undefined),
  ]);
  limit.abort();
}
