/**
 * What every hand-written receiver does with a webhook: the same HMAC, compared in constant time.
 *
 * @module
 */
import { createHmac, createSecretKey, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import process from "node:process";

const key = createSecretKey(Buffer.from(process.env["BENCH_WEBHOOK_SECRET"] ?? "", "utf8"));

/** Whether `body` was signed by who knows the secret. */
export function isSigned(headers: IncomingHttpHeaders, body: Buffer): boolean {
  const expected = createHmac("sha256", key)
    .update(`${String(headers["x-bench-timestamp"])}.`)
    .update(body)
    .digest();
  const given = Buffer.from(String(headers["x-bench-signature"]).slice("sha256=".length), "hex");
  return given.length === expected.length && timingSafeEqual(given, expected);
}
