/**
 * The webhook file and its secrets as one snapshot for the edges.
 *
 * @module
 */
import type { EdgeConfig, EdgeSource, WebhookReceiver, WebhookSource } from "../contract/mod.ts";
import { resolveSource } from "../contract/mod.ts";

/** A secret that is shorter is as good as none. */
const MIN_SECRET_BYTES = 8;

const encoder = new TextEncoder();

/**
 * Resolves every source and looks up its secrets with `secretOf`.
 *
 * A source whose secret is missing, empty or under 8 bytes is disabled with a reason, so that an
 * edge answers 503 instead of checking against nothing. A receiver that is not enabled has no sources.
 */
export function edgeConfigOf(
  webhooks: WebhookReceiver,
  secretOf: (name: string) => string | undefined,
  version: number,
): EdgeConfig {
  return {
    version,
    sources: webhooks.enabled ? webhooks.sources.map((raw) => edgeSourceOf(raw, secretOf)) : [],
    limits: {
      body_cap_bytes: webhooks.body_cap_bytes,
      rate_limit: webhooks.default_rate_limit,
      concurrency_cap: webhooks.default_concurrency_cap,
    },
    request_timeout_ms: webhooks.request_timeout_ms,
    trusted_proxies: [...webhooks.trusted_proxies],
    allow_realip_fallback: webhooks.allow_realip_fallback,
  };
}

function edgeSourceOf(
  raw: WebhookSource,
  secretOf: (name: string) => string | undefined,
): EdgeSource {
  const source = resolveSource(raw);
  const secret = secretOf(source.secret_env) ?? "";
  const previous = source.previous_secret_env === null
    ? undefined
    : secretOf(source.previous_secret_env);
  const problem = secretProblem(source.secret_env, secret);
  return {
    ...source,
    secret: problem === null ? secret : null,
    // A previous secret that is too short is left out: the current one still works.
    previous_secret: previous !== undefined && isLongEnough(previous) ? previous : null,
    disabled_reason: source.enabled ? problem : "the source is switched off",
  };
}

function secretProblem(name: string, secret: string): string | null {
  if (secret === "") return `secret "${name}" is missing or empty`;
  if (!isLongEnough(secret)) return `secret "${name}" is shorter than ${MIN_SECRET_BYTES} bytes`;
  return null;
}

function isLongEnough(secret: string): boolean {
  return encoder.encode(secret).length >= MIN_SECRET_BYTES;
}
