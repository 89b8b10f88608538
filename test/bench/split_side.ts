/**
 * Core and edge apart on a real nats-server, under a stream of webhooks.
 *
 * @module
 */
import { join, resolve } from "node:path";
import { openLiveSettings } from "../../core/daemon/config.ts";
import { edgeConfigOf } from "../../core/settings/edge_config.ts";
import { startNatsServer } from "../support/nats_server.ts";
import { CORE_OPTIONS } from "./core_options.ts";
import { type Listening, loadHttp, type Measure, type Served } from "./http_side.ts";
import { type Part, startPart, startProgram } from "./part.ts";
import type { Side, Workshop } from "./row.ts";
import { makeConfig, WEBHOOK_ENV } from "./webhook.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const DENO = join(ROOT, "node_modules/deno/deno");
const DENO_ARGS = ["run", "--no-prompt", "--allow-net=127.0.0.1", "--allow-env"];

/** Which edge, and what keeps the hand-offs between it and core. */
export interface SplitOptions {
  readonly runtime: "node" | "deno";
  readonly jetStream: boolean;
  readonly measure: Measure;
}

/** Core and edge apart, each a process of its own; disposing ends them and what is between them. */
export interface Split extends Served {
  readonly parts: Readonly<Record<"edge" | "core" | "nats", { readonly pid: number }>>;
  /** For questions to core's process. */
  readonly core: Part<unknown>;
}

/** Starts nats-server, core and one edge, sealed as in a real deployment, under webhooks. */
export async function openSplitSide(
  workshop: Workshop,
  { measure, ...options }: SplitOptions,
): Promise<Side> {
  return loadHttp(workshop, await startSplit(workshop, options), measure);
}

/** Starts them; `prepare` may change the config before. */
export async function startSplit(
  workshop: Workshop,
  { runtime, jetStream, prepare }: Omit<SplitOptions, "measure"> & {
    readonly prepare?: (configDir: string) => Promise<void>;
  },
): Promise<Split> {
  const nats = await startNatsServer({ jetStream, parentDir: workshop.dir });
  const { configDir, home } = await makeConfig(workshop.dir);
  await prepare?.(configDir);
  const env = {
    ...WEBHOOK_ENV,
    NEXO_HOME: home,
    NEXO_NATS_URL: nats.url,
    NEXO_EDGE_KEY: "a key that only this benchmark uses",
  };
  const core = await startPart(
    workshop.compiled(import.meta.resolve("./servers/daemon.ts")),
    { args: [configDir, workshop.migrationsDir], env, execArgv: CORE_OPTIONS },
  );
  const edge = runtime === "node" ? await startNode(workshop, env) : await startDeno(
    [join(ROOT, "edge/deno.ts")],
    { ...env, NEXO_PORT: "0" },
  );
  return {
    port: edge.port,
    core,
    parts: { edge: edge.part, core, nats: { pid: nats.pid() } },
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await core[Symbol.asyncDispose]();
      await nats[Symbol.asyncDispose]();
    },
  };
}

/** Starts our edge on Deno with nobody behind it. */
export async function openDenoVerifyingSide(workshop: Workshop, measure: Measure): Promise<Side> {
  const { configDir } = await makeConfig(workshop.dir);
  const settings = await openLiveSettings({
    configDir,
    env: WEBHOOK_ENV,
    uuid: () => crypto.randomUUID(),
  });
  const { webhooks, version } = settings.current();
  const config = edgeConfigOf(webhooks, settings.secretOf, version);
  const script = join(import.meta.dirname, "servers/deno_verifying_edge.ts");
  return loadHttp(workshop, await startDeno([script, JSON.stringify(config)], {}), measure);
}

/** One edge alone. */
interface ServedEdge extends Served {
  readonly part: { readonly pid: number };
}

async function startNode(workshop: Workshop, env: Record<string, string>): Promise<ServedEdge> {
  const server = workshop.compiled(import.meta.resolve("./servers/remote_edge.ts"));
  const edge = await startPart<Listening>(server, { env });
  return {
    port: edge.ready.port,
    part: edge,
    parts: { edge },
    [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose](),
  };
}

async function startDeno(
  args: readonly string[],
  env: Record<string, string>,
): Promise<ServedEdge> {
  const edge = await startProgram(DENO, {
    args: [...DENO_ARGS, ...args],
    env,
    ready: /ready at (\S+)/,
  });
  return {
    port: Number(new URL(edge.said).port),
    part: edge,
    parts: { edge },
    [Symbol.asyncDispose]: () => edge[Symbol.asyncDispose](),
  };
}
