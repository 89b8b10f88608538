/**
 * What the broker says to NATS clients, as bytes.
 *
 * @module
 */
import type { Packet } from "./router.ts";

/** Facts a client is told first. */
export interface ServerInfo {
  readonly serverId: string;
  readonly host: string;
  readonly port: number;
  readonly maxPayloadBytes: number;
  readonly clientId: number;
}

/** The protocol of this version of nats-server is what the broker speaks. */
const PROTOCOL_VERSION = "2.9.0";

/** The first frame. */
export function infoFrame(info: ServerInfo): Buffer {
  return Buffer.from(`INFO ${
    JSON.stringify({
      server_id: info.serverId,
      server_name: "nexo",
      version: PROTOCOL_VERSION,
      proto: 1,
      go: "none",
      host: info.host,
      port: info.port,
      headers: true,
      auth_required: true,
      max_payload: info.maxPayloadBytes,
      client_id: info.clientId,
    })
  }\r\n`);
}

/** A message for the subscription `sid`; headers only for clients that read them. */
export function messageFrame(sid: string, packet: Packet, withHeaders: boolean): Buffer[] {
  const { subject, reply, data, headers } = packet;
  const address = reply === undefined ? `${subject} ${sid}` : `${subject} ${sid} ${reply}`;
  const entries = withHeaders ? Object.entries(headers) : [];
  const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
  if (entries.length === 0) {
    return [Buffer.from(`MSG ${address} ${bytes.length}\r\n`), bytes, LINE_END];
  }
  const lines = entries.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  const head = Buffer.from(`NATS/1.0\r\n${lines}\r\n`);
  const sizes = `${head.length} ${head.length + bytes.length}`;
  return [Buffer.from(`HMSG ${address} ${sizes}\r\n`), head, bytes, LINE_END];
}

/** Tells the client behind `sid` that nobody answers what it asked. */
export function noResponderFrame(sid: string, reply: string): Buffer {
  const head = "NATS/1.0 503\r\n\r\n";
  return Buffer.from(`HMSG ${reply} ${sid} ${head.length} ${head.length}\r\n${head}\r\n`);
}

/** Says why a client is in trouble; most clients are cut afterwards. */
export function errorFrame(reason: string): Buffer {
  return Buffer.from(`-ERR '${reason}'\r\n`);
}

/** Operations without arguments. */
export const FRAMES = {
  ok: Buffer.from("+OK\r\n"),
  ping: Buffer.from("PING\r\n"),
  pong: Buffer.from("PONG\r\n"),
} as const;

const LINE_END = Buffer.from("\r\n");
