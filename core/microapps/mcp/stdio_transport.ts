/**
 * The wire of an MCP server that is a child: the frames of any child, under the same limits.
 *
 * @module
 */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage } from "@modelcontextprotocol/sdk/types.js";
import { lineOf } from "../../contract/mod.ts";
import type { Child } from "../child.ts";
import { createLineSplitter } from "../framing.ts";
import { isObject, parseJson } from "../json.ts";
import { createOutbox } from "../outbox.ts";
import type { PeerLimits } from "../peer.ts";
import { createReadGate } from "../read_gate.ts";

/** What a transport is made of. */
export interface StdioTransportDeps {
  readonly child: Pick<Child, "stdin" | "stdout">;
  readonly limits: PeerLimits;
  /** Tells a message from another line; throws when it is none. */
  readonly parse: (value: unknown) => JSONRPCMessage;
  /** Hears of a line that is no message, for people. */
  readonly onStray: (line: string) => void;
}

const MAX_SHOWN_CHARS = 512;

/** Returns a transport; nothing is read before it is started. */
export function createStdioTransport(
  { child, limits, parse, onStray }: StdioTransportDeps,
): Transport {
  const reading = createReadGate(child.stdout);
  const outbox = createOutbox({
    output: child.stdin,
    limits: { notices: limits.notices, noticeChars: limits.waitingChars },
    onRoom: () => reading.open("unread"),
  });
  let useless = 0;
  let closed = false;

  const transport: Transport = {
    start() {
      const lines = createLineSplitter({
        maxBytes: limits.lineBytes,
        onTooLong: () => stray(`(a line over ${limits.lineBytes} bytes, dropped)`),
        onLine: receive,
      });
      child.stdout.on("data", (chunk: Buffer) => {
        const before = useless;
        lines.push(chunk);
        if (outbox.waitingChars > limits.waitingChars) reading.close("unread");
        if (useless - before > limits.strayLines) reading.pauseFor(limits.strayPauseMs);
      });
      child.stdout.on("end", () => lines.end());
      return Promise.resolve();
    },
    send(message) {
      outbox.send(lineOf(message));
      return Promise.resolve();
    },
    close() {
      if (!closed) {
        closed = true;
        outbox.close();
        reading[Symbol.dispose]();
        transport.onclose?.();
      }
      return Promise.resolve();
    },
  };

  function stray(line: string): void {
    useless += 1;
    onStray(line.slice(0, MAX_SHOWN_CHARS));
  }

  function receive(line: string): void {
    if (closed) return;
    let message: JSONRPCMessage;
    try {
      message = parse(parseJson(line));
    } catch {
      return stray(line);
    }
    // Only answers are waited for; anything else may be a flood.
    if (!isObject(message) || !("result" in message || "error" in message)) useless += 1;
    transport.onmessage?.(message);
  }

  return transport;
}
