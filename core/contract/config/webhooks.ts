/**
 * `webhook_receiver.yaml`: which signed webhooks are taken in, and within what limits.
 *
 * @module
 */
import { z } from "zod";
import { PublicUrl, RateLimit } from "./webhook_fields.ts";
import { sourceProblems } from "./webhook_problems.ts";
import { SourceFields } from "./webhook_source.ts";

/** One webhook endpoint as an operator writes it. */
export const WebhookSource = SourceFields.superRefine((raw, context) => {
  for (const { path, message } of sourceProblems(raw)) {
    context.addIssue({ code: "custom", path, message });
  }
});
/** See {@linkcode WebhookSource}. */
export type WebhookSource = z.infer<typeof WebhookSource>;

const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: "must be an IP address or a CIDR range such as 10.0.0.0/8",
});

/** The whole of `webhook_receiver.yaml`. */
export const WebhookReceiver = z.strictObject({
  enabled: z.boolean().default(false),
  /** Read and ignored: the edge listens on `NEXO_PORT`. */
  bind: z.string().optional(),
  /** Where the internet finds the edge, for providers that sign the address they call. */
  public_url: PublicUrl.optional(),
  body_cap_bytes: z.int().positive("must be above 0").default(1_048_576),
  /** From the first byte of a request until its body is read. */
  request_timeout_ms: z.int().positive("must be above 0").default(15_000),
  default_rate_limit: RateLimit.nullish().transform((limit) => limit ?? null),
  /** Requests of one source under way at once; 0 means no limit. */
  default_concurrency_cap: z.int().nonnegative().default(512),
  /** Whose `X-Forwarded-For` is believed. */
  trusted_proxies: z.array(cidr).default([]),
  allow_realip_fallback: z.boolean().default(false),
  sources: z.array(WebhookSource).default([]),
}).superRefine(({ sources }, context) => {
  const firstWith = { id: new Map<string, number>(), path: new Map<string, number>() };
  sources.forEach((source, i) => {
    for (const field of ["id", "path"] as const) {
      const first = firstWith[field].get(source[field]);
      if (first === undefined) firstWith[field].set(source[field], i);
      else {
        context.addIssue({
          code: "custom",
          path: ["sources", i, field],
          message: `"${source[field]}" is taken by source "${sources[first]?.id}"`,
        });
      }
    }
  });
});
/** See {@linkcode WebhookReceiver}. */
export type WebhookReceiver = z.infer<typeof WebhookReceiver>;
