/**
 * What core tells every edge: sources with their secrets, limits and proxies.
 *
 * @module
 */
import { z } from "zod";
import { ChatInstance } from "./chat.ts";
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
  /** How many event clients each edge takes; without it the edge's own limits hold. */
  firehose: z.strictObject({
    max_clients_per_tenant: z.int().positive(),
    max_clients_per_subject: z.int().positive(),
  }).optional(),
  /** The web chats there are, and where our own pages are found from outside. */
  chat: z.strictObject({
    instances: z.array(ChatInstance),
    public_origin: z.string().nullable(),
  }).optional(),
  /** Whether metrics name tenants. */
  tenant_label: z.boolean().optional(),
  /** What tokens are checked with; without it the edge refuses all of them. */
  auth: EdgeAuth.optional(),
});
/** See {@linkcode EdgeConfig}. */
export type EdgeConfig = z.infer<typeof EdgeConfig>;

/** What an edge asks core for: its configuration, unless that is still the one it has. */
export const EdgeConfigRequest = z.object({
  /** SHA-256 of the configuration it has, as core sent it: 64 hex digits. Core then answers nothing. */
  have: z.string().optional(),
});

/** A configuration that an edge may start with before it has met core. */
export const EdgeSnapshot = z.strictObject({
  made_at_ms: z.int().nonnegative(),
  /** From then on no edge starts with it: tokens may have been taken back and secrets changed. */
  expires_at_ms: z.int().positive(),
  config: EdgeConfig,
});
/** See {@linkcode EdgeSnapshot}. */
export type EdgeSnapshot = z.infer<typeof EdgeSnapshot>;

/** Says of a file that it holds an {@linkcode EdgeSnapshot}, and in which form. */
export const EDGE_SNAPSHOT_FORMAT = "nexo-edge-config/1";

/** The file a snapshot lies in: sealed to the edges' key, or open and without secrets. */
export const EdgeSnapshotFile = z.union([
  z.strictObject({ format: z.literal(EDGE_SNAPSHOT_FORMAT), sealed: z.base64() }),
  z.strictObject({ format: z.literal(EDGE_SNAPSHOT_FORMAT), snapshot: EdgeSnapshot }),
]);
/** See {@linkcode EdgeSnapshotFile}. */
export type EdgeSnapshotFile = z.infer<typeof EdgeSnapshotFile>;
