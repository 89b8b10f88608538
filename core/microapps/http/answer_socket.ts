/**
 * Works through a WebSocket exchange: messages of the client to the microapp's server, and back.
 *
 * @module
 */
import type { IncomingMessage } from "node:http";
import { WebSocket } from "ws";
import type { ExchangeEnd } from "../../bus/exchanges/end.ts";
import {
  answerHeadersFor,
  CodedError,
  type DataForm,
  type HeaderPairs,
  MAX_SOCKET_MESSAGE_BYTES,
  messageOf,
  type SocketClose,
} from "../../contract/mod.ts";
import { delay } from "../../flow/delay.ts";
import type { AnswerDeps } from "./answer_http.ts";
import { pairsOf, recordOf } from "./header_pairs.ts";

/** How long either side may take to say goodbye, in milliseconds. */
const CLOSE_LIMIT_MS = 2_000;
/** Between signs of life from the server; it is told to be gone after two without. */
const PING_EVERY_MS = 30_000;

/**
 * Works through an exchange; resolves when the WebSocket is closed, or was refused.
 *
 * @throws {CodedError} `microapp_bad_answer`; or what the exchange was cancelled with
 */
export async function answerSocket(
  end: ExchangeEnd,
  { id, server, request, headers, times, protocols }: AnswerDeps & {
    readonly protocols: readonly string[];
  },
): Promise<void> {
  const place = { id, origins: server.address.origins };
  const ws = connect(server.address.url + request.target, protocols, headers);
  const ended = closeOf(ws);
  const drop = (): void => ws.terminate();
  end.signal.addEventListener("abort", drop, { once: true });
  if (end.signal.aborted) drop();
  try {
    const refused = await opened(ws, times.headMs);
    if (refused !== undefined) {
      end.sendHead({
        status: refused.statusCode ?? 502,
        headers: answerHeadersFor(pairsOf(refused), place),
      });
      for await (const chunk of refused) await end.write(chunk as Buffer);
      return end.end();
    }
    end.sendHead({ status: 101, headers: [], protocol: ws.protocol });
    const flushed = listen(ws, end);
    using _pings = keepAlive(ws);
    const talked = talk(ws, end);
    talked.catch(drop);
    const close = await ended;
    await flushed();
    end.end(close);
    await Promise.race([talked, delay(CLOSE_LIMIT_MS, { signal: end.signal })]);
  } catch (error) {
    if (end.signal.aborted) throw end.signal.reason;
    if (error instanceof CodedError) throw error;
    server.suspect();
    const message = `Cannot reach the microapp's server: ${messageOf(error)}`;
    throw new CodedError("microapp_bad_answer", message, { cause: error });
  } finally {
    end.signal.removeEventListener("abort", drop);
    ws.terminate();
  }
}

function connect(url: string, protocols: readonly string[], headers: HeaderPairs): WebSocket {
  return new WebSocket(url.replace(/^http/, "ws"), [...protocols], {
    headers: recordOf(headers),
    perMessageDeflate: false,
    maxPayload: MAX_SOCKET_MESSAGE_BYTES,
  });
}

/** Resolves when it is open, or with the answer that refused it. */
function opened(ws: WebSocket, limitMs: number): Promise<IncomingMessage | undefined> {
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => {
      reject(new CodedError("microapp_timeout", `Cannot go on: no answer in ${limitMs} ms`));
    }, limitMs);
    const settle = (act: () => void): void => {
      clearTimeout(late);
      act();
    };
    ws.on("open", () => settle(() => resolve(undefined)));
    ws.on("unexpected-response", (_request, response) => {
      // It may break off while nobody reads; whoever reads hears of it.
      response.on("error", () => undefined);
      settle(() => resolve(response));
    });
    // Later ones end the connection, which is heard.
    ws.on("error", (error) => settle(() => reject(error)));
    ws.on("close", () => settle(() => reject(new Error("the connection closed"))));
  });
}

function closeOf(ws: WebSocket): Promise<SocketClose> {
  return new Promise((resolve) => {
    ws.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

/** Messages of the server, as fast as the client takes them. Returns what waits for all of them. */
function listen(ws: WebSocket, end: ExchangeEnd): () => Promise<void> {
  let turn: Promise<void> = Promise.resolve();
  let waiting = 0;
  ws.on("message", (data: Buffer, isBinary) => {
    if (++waiting === 1) ws.pause();
    turn = turn
      .then(() => end.write(data, { form: isBinary ? "binary" : "text", hasMore: false }))
      .catch(() => ws.terminate())
      .finally(() => {
        if (--waiting === 0) ws.resume();
      });
  });
  return () => turn;
}

/** Messages of the client, as fast as the server takes them, until the client's end. */
async function talk(ws: WebSocket, end: ExchangeEnd): Promise<void> {
  for (;;) {
    const frame = await end.next();
    if (frame.kind === "end") return sayGoodbye(ws, frame.close);
    if (frame.kind === "data") await send(ws, frame);
  }
}

/** What the server can no longer take is let go of: its own end is on the way to the client. */
function send(
  ws: WebSocket,
  { bytes, form, hasMore }: { bytes: Uint8Array; form: DataForm; hasMore: boolean },
): Promise<void> {
  return new Promise((resolve) => {
    ws.send(bytes, { binary: form !== "text", fin: !hasMore }, () => resolve());
  });
}

function sayGoodbye(ws: WebSocket, close: SocketClose | null): void {
  const code = close?.code ?? null;
  if (code === null || !isSendable(code)) ws.close();
  else ws.close(code, close?.reason);
  setTimeout(() => ws.terminate(), CLOSE_LIMIT_MS).unref();
}

/** Whether a close frame may carry a code; 1005 and 1006 only say what there was not. */
function isSendable(code: number): boolean {
  return (code >= 1000 && code <= 1014 && ![1004, 1005, 1006].includes(code)) ||
    (code >= 3000 && code <= 4999);
}

function keepAlive(ws: WebSocket): Disposable {
  let isAlive = true;
  ws.on("pong", () => isAlive = true);
  const pings = setInterval(() => {
    if (!isAlive) return ws.terminate();
    isAlive = false;
    ws.ping();
  }, PING_EVERY_MS);
  return { [Symbol.dispose]: () => clearInterval(pings) };
}
