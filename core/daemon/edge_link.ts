/**
 * What edges elsewhere are told: the webhook configuration, asked for or pushed, secrets sealed.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import { type EdgeConfig, subjects } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Scope } from "../flow/scope.ts";

/** Wraps a message for edges. */
export type Wrap = (message: Uint8Array<ArrayBuffer>) => Promise<Uint8Array>;

/** The edges of a bus. */
export interface EdgeLink {
  /** Tells all edges that the configuration has changed. */
  readonly push: () => void;
}

/**
 * Answers edges that ask for their configuration.
 *
 * Without a seal no secret leaves core: edges then take secrets from their own environment.
 */
export function serveEdgeConfig({ bus, config, wrap, sealed, scope, log }: {
  bus: Bus;
  config: () => EdgeConfig;
  wrap: Wrap;
  /** Whether `wrap` seals. */
  sealed: boolean;
  scope: Scope;
  log: Log;
}): EdgeLink {
  async function message(): Promise<Uint8Array> {
    const shown = sealed ? config() : withoutSecrets(config());
    return wrap(new TextEncoder().encode(JSON.stringify(shown)));
  }
  bus.respond(subjects.edgeConfigRequest, { queue: "core" }, message);
  return {
    push() {
      scope.run(async () => {
        bus.publish(subjects.edgeConfigPush, await message());
        log.info("edge.config_pushed", { version: config().version });
      });
    },
  };
}

function withoutSecrets(config: EdgeConfig): EdgeConfig {
  return {
    ...config,
    sources: config.sources.map((source) => ({
      ...source,
      secret: null,
      previous_secret: null,
      verify_token: null,
      disabled_reason: source.disabled_reason ??
        `"${source.secret_env}" is not set on this edge, and without NEXO_EDGE_KEY core sends no secrets`,
    })),
  };
}
