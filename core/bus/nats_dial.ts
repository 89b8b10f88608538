/**
 * One connection to a NATS server; the only file that knows which client library speaks to it.
 *
 * @module
 */
import {
  type Authenticator,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  headers as newHeaders,
  type Msg,
  type MsgHdrs,
  type NatsConnection,
  NatsError,
  nkeyAuthenticator,
} from "nats.ws";
import { WebSocket } from "ws";
import { CodedError, messageOf, type Random } from "../contract/mod.ts";
import type { Headers } from "./bus.ts";
import { type NatsAuth, readAddress } from "./nats_address.ts";
import {
  type Connection,
  type ConnectionEvents,
  type Dial,
  type InFrame,
  jitterMs,
} from "./nats_link.ts";
import { within } from "./within.ts";

export { createInbox } from "nats.ws";

/** How long one try to connect may take. */
const CONNECT_LIMIT_MS = 5000;
/** A connection that is silent for three of these is dead. */
const PING_EVERY_MS = 10_000;
/** Pause between tries after a loss, and what chance adds. */
const RECONNECT_MS = 200;
const RECONNECT_JITTER_MS = 800;
const CLOSE_LIMIT_MS = 2000;
/** Until a server has said what it takes. */
const USUAL_PAYLOAD_BYTES = 1024 * 1024;

/** Returns a function that connects once, or says why not. */
export function createDial({ url, auth, name, random }: {
  /** `ws://` or `wss://`; several of one cluster, comma-separated. */
  url: string;
  /** Absent: what `url` says, if anything. */
  auth: NatsAuth | undefined;
  /** What the server shows for this connection. */
  name: string;
  random: Random;
}): Dial {
  const address = readAddress(url, auth);
  const authentication = authenticationOf(address);

  return async function dial(events) {
    // Each reconnection has a socket of its own.
    let socket: WebSocket | undefined;
    let failure: unknown;
    const options: ConnectionOptions & { wsFactory: (url: string) => unknown } = {
      ...authentication,
      servers: [...address.servers],
      name,
      noAsyncTraces: true,
      // What a server says of its cluster need not be reachable from here.
      ignoreClusterUpdates: true,
      timeout: CONNECT_LIMIT_MS,
      pingInterval: PING_EVERY_MS,
      maxPingOut: 2,
      maxReconnectAttempts: -1,
      reconnectDelayHandler: () => RECONNECT_MS + jitterMs(random, RECONNECT_JITTER_MS),
      wsFactory(server) {
        // Node 20 has no WebSocket, and Deno's own holds small frames back for 44 ms.
        socket = new WebSocket(server, {
          perMessageDeflate: false,
          handshakeTimeout: CONNECT_LIMIT_MS,
        });
        socket.on("error", (error) => failure = error);
        return Promise.resolve({ socket, encrypted: server.startsWith("wss:") });
      },
    };
    try {
      return connectionOf(await connect(options), () => socket, events);
    } catch (error) {
      socket?.terminate();
      throw connectError(error, failure, address.shown);
    }
  };
}

function connectionOf(
  nats: NatsConnection,
  socket: () => WebSocket | undefined,
  events: ConnectionEvents,
): Connection {
  follow(nats, events).catch((error: unknown) => events.trouble({ error: messageOf(error) }));
  return {
    ended: nats.closed().then((error) => messageOf(error ?? "no reason given")),
    maxPayloadBytes: () => nats.info?.max_payload ?? USUAL_PAYLOAD_BYTES,
    bufferedBytes: () => socket()?.bufferedAmount ?? 0,
    send({ subject, data, headers, reply }) {
      const wire = headersOf(headers);
      try {
        nats.publish(subject, data, {
          ...(reply === undefined ? {} : { reply }),
          ...(wire === undefined ? {} : { headers: wire }),
        });
      } catch (error) {
        throw sendError(error, subject, data.length);
      }
    },
    subscribe({ pattern, queue, hear }) {
      // One that is gone for good is replaced, with all its subscriptions.
      if (nats.isClosed()) return () => undefined;
      const subscription = nats.subscribe(pattern, {
        ...(queue === undefined ? {} : { queue }),
        callback(error, message) {
          if (error === null) hear(frameOf(message));
          else events.trouble({ error: error.message, pattern });
        },
      });
      return () => subscription.unsubscribe();
    },
    flush: () => nats.flush(),
    async close() {
      await within(CLOSE_LIMIT_MS, nats.close());
      // The other side may never answer the goodbye.
      socket()?.terminate();
    },
  };
}

/** The library's words need not end when the connection does, so nobody waits for this. */
async function follow(nats: NatsConnection, events: ConnectionEvents): Promise<void> {
  for await (const status of nats.status()) {
    const type: string = status.type;
    if (type === "disconnect") events.down();
    else if (type === "reconnect") events.up();
    else if (type === "error") events.trouble({ error: JSON.stringify(status.data) });
  }
}

function authenticationOf(
  { auth, shown }: { auth: NatsAuth | undefined; shown: string },
): ConnectionOptions {
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
    reply: reply === "" ? undefined : reply,
    data,
    headers: headers === undefined ? NO_HEADERS : lowerNames(headers),
    status: headers?.code ?? 0,
  };
}

const NO_HEADERS: Headers = Object.freeze({});

function lowerNames(headers: MsgHdrs): Headers {
  return Object.fromEntries(
    headers.keys().map((name) => [name.toLowerCase(), headers.last(name)]),
  );
}

function headersOf(headers: Headers | undefined): MsgHdrs | undefined {
  const entries = Object.entries(headers ?? NO_HEADERS);
  if (entries.length === 0) return undefined;
  const wire = newHeaders();
  for (const [name, value] of entries) {
    try {
      wire.set(name, value);
    } catch (cause) {
      const message = `Cannot send header "${name}": its name or value is not allowed`;
      throw new TypeError(message, { cause });
    }
  }
  return wire;
}

function connectError(error: unknown, failure: unknown, shown: string): CodedError {
  const code = error instanceof NatsError ? error.code : "";
  if (code.includes("AUTH") || code === "ACCOUNT_EXPIRED") {
    return unauthorized(shown, messageOf(error), error);
  }
  const cause = failure ?? error;
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

function sendError(error: unknown, subject: string, dataBytes: number): unknown {
  if (!(error instanceof NatsError)) return error;
  if (error.code === "MAX_PAYLOAD_EXCEEDED") {
    const message = `Cannot send ${dataBytes} bytes to "${subject}": over the server's max_payload`;
    return new CodedError("bus_too_large", message, { cause: error });
  }
  // Between its end and our noticing it.
  const message = `Cannot send to "${subject}": ${error.message}`;
  return new CodedError("bus_unreachable", message, { cause: error });
}
