/**
 * An edge's configuration from a core elsewhere: asked for again and again, and pushed on change.
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
import { createInTurn } from "../core/flow/in_turn.ts";
import type { Log } from "../core/flow/log.ts";
import { encodeHex } from "../core/signing/bytes.ts";

const ASK_LIMIT_MS = 5_000;
const RETRY = { firstMs: 200, maxMs: 5_000 };
/** A push that got lost with a connection is made up for within this time. */
const ASK_AGAIN_MS = 5_000;

/** What following a core's configuration needs. */
export interface RemoteConfigDeps {
  readonly bus: Pick<Bus, "subscribe" | "request">;
  /** Opens what core wrapped. @throws {CodedError} `sealed_unreadable` */
  readonly unwrap: (message: Uint8Array) => Promise<Uint8Array>;
  /** Whether this edge already works without core's word. */
  readonly isConfigured: boolean;
  /** @default {5000} */
  readonly askAgainMs?: number | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Calls `apply` with the configuration core has now, and again with each one that differs.
 *
 * Resolves when `signal` aborts.
 *
 * @throws {CodedError} `sealed_unreadable` when core's first answer does not open and the edge has
 * nothing else to work with
 */
export async function followRemoteConfig(
  deps: RemoteConfigDeps,
  apply: (config: EdgeConfig) => void,
): Promise<void> {
  const { bus, log, signal, askAgainMs = ASK_AGAIN_MS } = deps;
  let { isConfigured } = deps;
  let have: string | undefined;
  let failures = 0;

  async function takeNow(message: Uint8Array): Promise<void> {
    const bytes = Uint8Array.from(await deps.unwrap(message));
    // Core says nothing when it has nothing new to say.
    if (bytes.length === 0) return;
    const digest = encodeHex(new Uint8Array(await crypto.subtle.digest("SHA-256", bytes)));
    if (digest === have) return;
    apply(EdgeConfig.parse(JSON.parse(new TextDecoder().decode(bytes))));
    [have, isConfigured] = [digest, true];
  }

  /** Opening takes its time, and what came first must not end up in force. */
  const inTurn = createInTurn();
  const take = (message: Uint8Array): Promise<void> => inTurn(() => takeNow(message));

  bus.subscribe(subjects.edgeConfigPush, { signal }, ({ data }) => {
    take(data).catch((error: unknown) => log.error("edge.config_refused", { error }));
  });

  async function ask(): Promise<void> {
    const request = new TextEncoder().encode(JSON.stringify({ have }));
    const options = { timeoutMs: ASK_LIMIT_MS, signal };
    await take((await bus.request(subjects.edgeConfigRequest, request, options)).data);
  }

  /** Resolves with how long to wait before asking again. */
  async function askOnce(): Promise<number> {
    try {
      await ask();
      failures = 0;
      return askAgainMs;
    } catch (error) {
      if (signal.aborted) return 0;
      const code = codeOf(error);
      if (code === "sealed_unreadable" && !isConfigured) throw error;
      failures += 1;
      // Once for each absence: an edge that works without core may do so for days.
      if (failures === 1 || !isConfigured) log.warn("edge.waits_for_core", { code, error });
      return backoffMs(failures, RETRY);
    }
  }

  while (!signal.aborted) await delay(await askOnce(), { signal }).catch(() => undefined);
}

/** `config` with the secrets that this edge has itself: those win over what core says. */
export function withOwnSecrets(
  config: EdgeConfig,
  secretOf: (name: string) => string | undefined,
): EdgeConfig {
  return { ...config, sources: config.sources.map((source) => withOwnSecret(source, secretOf)) };
}

function withOwnSecret(
  source: EdgeSource,
  secretOf: (name: string) => string | undefined,
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
