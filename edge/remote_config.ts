/**
 * An edge's configuration from a core elsewhere: asked for at the start, pushed on change.
 *
 * @module
 */
import type { Bus } from "../core/bus/bus.ts";
import {
  codeOf,
  EdgeConfig,
  type EdgeSource,
  secretProblem,
  subjects,
} from "../core/contract/mod.ts";
import { backoffMs } from "../core/flow/backoff.ts";
import { delay } from "../core/flow/delay.ts";
import type { Log } from "../core/flow/log.ts";

const ASK_LIMIT_MS = 5_000;
const RETRY = { firstMs: 200, maxMs: 5_000 };

/** What following a core's configuration needs. */
export interface RemoteConfigDeps {
  readonly bus: Bus;
  /** Opens what core wrapped. @throws {CodedError} `sealed_unreadable` */
  readonly unwrap: (message: Uint8Array) => Promise<Uint8Array>;
  /** A secret of this edge's own, by its name; it wins over what core says. */
  readonly secretOf: (name: string) => string | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Calls `apply` with the configuration core has now, and again with each newer one.
 *
 * Asks until core answers. Resolves with the first configuration; rejects when `signal` aborts.
 */
export async function followRemoteConfig(
  deps: RemoteConfigDeps,
  apply: (config: EdgeConfig) => void,
): Promise<void> {
  const { bus, log, signal } = deps;

  async function take(message: Uint8Array): Promise<void> {
    const text = new TextDecoder().decode(await deps.unwrap(message));
    const config = EdgeConfig.parse(JSON.parse(text));
    apply({ ...config, sources: config.sources.map((source) => withOwnSecret(source, deps)) });
  }
  bus.subscribe(subjects.edgeConfigPush, { signal }, ({ data }) => {
    take(data).catch((error: unknown) => log.error("edge.config_refused", { error }));
  });
  for (let failures = 1;; failures++) {
    try {
      const request = { timeoutMs: ASK_LIMIT_MS, signal };
      const { data } = await bus.request(subjects.edgeConfigRequest, new Uint8Array(), request);
      await take(data);
      return;
    } catch (error) {
      signal.throwIfAborted();
      if (codeOf(error) === "sealed_unreadable") throw error;
      log.warn("edge.waits_for_core", { code: codeOf(error) });
      await delay(backoffMs(failures, RETRY), { signal });
    }
  }
}

function withOwnSecret(
  source: EdgeSource,
  { secretOf }: Pick<RemoteConfigDeps, "secretOf">,
): EdgeSource {
  const { signature, handshake, secret_env: name, previous_secret_env: previousName } = source;
  const previous = previousName === null ? undefined : secretOf(previousName);
  const verifyToken = handshake === null ? undefined : secretOf(handshake.verify_token_env);
  const own = {
    ...source,
    previous_secret: previous !== undefined && secretProblem(signature, "", previous) === null
      ? previous
      : source.previous_secret,
    verify_token: verifyToken ?? source.verify_token,
  };
  const secret = secretOf(name);
  if (secret === undefined) return own;
  const problem = secretProblem(signature, name, secret);
  return { ...own, secret: problem === null ? secret : null, disabled_reason: problem };
}
