/**
 * Headers that browsers are told on every answer unless a route says otherwise.
 *
 * @module
 */
import type { MiddlewareHandler } from "hono";

/** What pages may do. */
export interface SecurityOptions {
  /**
   * `Content-Security-Policy` of every answer.
   *
   * @default {own files only, styles in the page allowed, in no frame}
   */
  readonly contentSecurityPolicy?: string | undefined;
}

const POLICY = [
  "default-src 'self'",
  "base-uri 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "img-src 'self' data:",
  "object-src 'none'",
  "style-src 'self' 'unsafe-inline'",
].join("; ");

/** Sets what an answer does not say itself. */
export function securityHeaders(
  { contentSecurityPolicy = POLICY }: SecurityOptions = {},
): MiddlewareHandler {
  const headers = Object.entries({
    "cache-control": "no-store",
    "content-security-policy": contentSecurityPolicy,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
  });
  return async function secured(c, next) {
    await next();
    for (const [name, value] of headers) {
      if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
  };
}
