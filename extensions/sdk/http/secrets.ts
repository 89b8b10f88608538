/**
 * Comparing and signing what callers show.
 *
 * @module
 */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";

/** Whether two texts are the same, in time that tells nothing about either. */
export function isSame(given: string, wanted: string): boolean {
  const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
  return wanted !== "" && timingSafeEqual(digest(given), digest(wanted));
}

/** HMAC-SHA256 in base64url; `purpose` keeps its uses of one key apart. */
export function signature(key: string, purpose: string, text: string): string {
  const own = createHmac("sha256", key).update(purpose).digest();
  return createHmac("sha256", own).update(text).digest("base64url");
}

/** The bearer of an `Authorization` header. */
export function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
}

/** The JSON object in base64url text, or undefined. */
export function readJsonPart(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, "base64url").toString("utf8"));
  } catch {
    return undefined;
  }
}
