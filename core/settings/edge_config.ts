/**
 * The webhook file and its secrets as one snapshot for the edges.
 *
 * @module
 */
import type { EdgeConfig, EdgeSource, WebhookReceiver, WebhookSource } from "../contract/mod.ts";
import { resolveSource, secretProblem } from "../contract/mod.ts";

type SecretOf = (name: string) => string | undefined;

/**
 * Resolves every source and looks up its secrets with `secretOf`.
 *
 * A source whose secret is missing, too short or no key is disabled with a reason, so that an edge
 * answers 503 instead of checking against nothing. A receiver that is not enabled has no sources.
 */
export function edgeConfigOf(
  webhooks: WebhookReceiver,
  secretOf: SecretOf,
  version: number,
): EdgeConfig {
  return {
    version,
    sources: webhooks.enabled
      ? webhooks.sources.map((raw) => edgeSourceOf(raw, webhooks.public_url, secretOf))
      : [],
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
  publicUrl: string | undefined,
  secretOf: SecretOf,
): EdgeSource {
  const source = resolveSource(raw);
  const { signature, secret_env: env, previous_secret_env: previousEnv } = source;
  const secret = secretOf(env) ?? "";
  const previous = previousEnv === null ? "" : secretOf(previousEnv) ?? "";
  const problem = secretProblem(signature, env, secret);
  return {
    ...source,
    public_url: source.public_url ??
      (publicUrl === undefined ? null : publicUrl.replace(/\/$/, "") + source.path),
    secret: problem === null ? secret : null,
    // A previous secret that is none is left out: the current one still works.
    previous_secret: secretProblem(signature, "", previous) === null ? previous : null,
    verify_token: source.handshake === null
      ? null
      : secretOf(source.handshake.verify_token_env) || null,
    disabled_reason: source.enabled ? problem : "the source is switched off",
  };
}
