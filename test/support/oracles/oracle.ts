/**
 * What an oracle is: one provider, by code that nobody here wrote.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import type { PresetName } from "../../../core/contract/mod.ts";

/** A request as it goes over the wire. */
export interface Sent {
  readonly headers: Readonly<Record<string, string>>;
  readonly query: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

/** One provider, or one of its ways to sign. */
export interface Oracle {
  readonly name: string;
  readonly preset: PresetName;
  /** What an operator puts into `secret_env`. */
  readonly secret: string;
  /** Another one of the same form. */
  readonly otherSecret: string;
  /** More fields of the source. */
  readonly source?: Readonly<Record<string, unknown>>;
  /** The bodies it can sign; any bytes without it. */
  readonly bodies?: "json" | "form";
  readonly send: (body: Uint8Array<ArrayBuffer>, nowMs: number, id: string) => Promise<Sent>;
  /** Whether the provider's own library takes a request; without it there is none. */
  readonly accepts?: (sent: Sent, nowMs: number) => Promise<boolean>;
  /** False where nothing of the body is signed. */
  readonly coversBody: boolean;
}

export const SECRET = "a secret of twenty-eight byte";
export const OTHER = "another secret of some length";

export const text = (body: Uint8Array): string => Buffer.from(body).toString("utf8");
export const hmac = (secret: string, data: Uint8Array, encoding: "hex" | "base64"): string =>
  createHmac("sha256", secret).update(data).digest(encoding);

/** A provider whose whole scheme is an HMAC of the body in a header. */
export function plainHmac(
  preset: PresetName,
  header: string,
  encoding: "hex" | "base64",
  more: Partial<Oracle> = {},
): Oracle {
  return {
    name: preset,
    preset,
    secret: SECRET,
    otherSecret: OTHER,
    coversBody: true,
    send: (body) =>
      Promise.resolve({ headers: { [header]: hmac(SECRET, body, encoding) }, query: "", body }),
    ...more,
  };
}
