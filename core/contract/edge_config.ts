/**
 * What core tells every edge: sources with their secrets, limits and proxies.
 *
 * @module
 */
import { z } from "zod";
import { RateLimit } from "./config/webhook_fields.ts";
import { ResolvedSource } from "./config/resolved_source.ts";
import { EdgeAuth } from "./token.ts";

/** A source with its secrets. Never logged, never shown. */
export const EdgeSource = ResolvedSource.extend({
  /** Null when the source is disabled for want of a usable secret. */
  secret: z.string().nullable(),
  previous_secret: z.string().nullable(),
  /** What a handshake must bring; null refuses every one. */
  verify_token: z.string().nullable(),
  /** Why the source answers 503, for operators; null when it works. */
  disabled_reason: z.string().nullable(),
});
/** See {@linkcode EdgeSource}. */
export type EdgeSource = z.infer<typeof EdgeSource>;

/** Everything an edge needs to take webhooks in. */
export const EdgeConfig = z.strictObject({
  /** Rises with each change, to tell snapshots apart. */
  version: z.int().nonnegative(),
  sources: z.array(EdgeSource),
  /** What a source without limits of its own gets. */
  limits: z.strictObject({
    body_cap_bytes: z.int().positive(),
    rate_limit: RateLimit.nullable(),
    /** 0 means no limit. */
    concurrency_cap: z.int().nonnegative(),
  }),
  /** From the first byte of a request until its body is read, in milliseconds. */
  request_timeout_ms: z.int().positive(),
  trusted_proxies: z.array(z.string()),
  allow_realip_fallback: z.boolean(),
  /** What tokens are checked with; without it the edge refuses all of them. */
  auth: EdgeAuth.optional(),
});
/** See {@linkcode EdgeConfig}. */
export type EdgeConfig = z.infer<typeof EdgeConfig>;
