/**
 * What a daemon is started with.
 *
 * @module
 */
import type { Clock, EdgeConfig, Random, Readiness } from "../contract/mod.ts";
import type { Bus } from "../bus/bus.ts";
import type { ExchangeClient } from "../bus/exchanges/client.ts";
import type { Log } from "../flow/log.ts";
import type { Home } from "./home.ts";

/** An edge in the daemon's own process. */
export interface LocalEdge extends AsyncDisposable {
  readonly url: string;
  readonly apply: (config: EdgeConfig) => unknown;
}

/** Starts an edge; `nexo dev` gives the one for Node. */
export type StartEdge = (options: {
  readonly bus: Bus;
  readonly exchanges: ExchangeClient;
  readonly config: EdgeConfig;
  readonly log: Log;
  readonly visitorSecret: string;
  readonly authorize: (request: Request) => Promise<boolean>;
  readonly readiness: () => Promise<Readiness>;
  /** Core's own Prometheus text. */
  readonly metrics: () => Promise<string>;
}) => Promise<LocalEdge>;

/** What {@linkcode runDaemon} needs from the process around it. */
export interface DaemonOptions {
  readonly home: Home;
  readonly configDir: string;
  readonly migrationsDir: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** This program's version. */
  readonly version: string;
  /** Absent for a core whose edges run elsewhere. */
  readonly startEdge: StartEdge | undefined;
  /** Whether missing webhook secrets are made. */
  readonly makeSecrets: boolean;
  /** Whether microapps are renewed when their code changes. */
  readonly followCode: boolean;
  readonly log: Log;
  readonly now: Clock;
  readonly random: Random;
  readonly pid: number;
}

/** What a daemon says once it works. */
export interface DaemonReady {
  readonly adminUrl: string;
  readonly edgeUrl: string | undefined;
  /** A web chat to try; undefined without an edge or a chat. */
  readonly chatUrl: string | undefined;
  /** Opens the console once; undefined without an edge. */
  readonly consoleUrl: string | undefined;
  /** Where NATS clients and edges of other processes connect; undefined without an embedded broker. */
  readonly brokerUrl: string | undefined;
  readonly warnings: readonly string[];
}
