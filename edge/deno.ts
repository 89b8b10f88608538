/**
 * The edge on Deno: `deno task edge`. All it needs is in its environment.
 *
 * @module
 */
import { type Clock, CodedError, codeOf, messageOf, type Random } from "../core/contract/mod.ts";
import type { Log, LogFields } from "../core/flow/log.ts";
import { EdgeAssets } from "./assets.ts";
import { startDenoEdge } from "./deno_server.ts";
import { parseEdgeKey, runRemoteEdge } from "./remote_edge.ts";
import { openTracing } from "./tracing.ts";

const VERSION = "0.1.0";
const DEFAULT_PORT = "8787";

const now: Clock = Date.now;
const random: Random = (bytes) => crypto.getRandomValues(bytes);

/** One JSON line an event; what fields hold is ids, codes and durations. */
function createLog(): Log {
  const write = (level: string, event: string, fields: LogFields = {}): void => {
    const shown = Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? { code: codeOf(value), message: messageOf(value) } : value,
    ]);
    const at = new Date(now()).toISOString();
    console.error(
      JSON.stringify({ "@timestamp": at, level, message: event, ...Object.fromEntries(shown) }),
    );
  };
  return {
    debug: () => undefined,
    info: (event, fields) => write("INFO", event, fields),
    warn: (event, fields) => write("WARN", event, fields),
    error: (event, fields) => write("ERROR", event, fields),
  };
}

/**
 * The pages as the build left them. What a module names outright belongs to the program and takes no
 * permission to read.
 */
async function readAssets(): Promise<EdgeAssets | undefined> {
  try {
    const built = await import("../dist/edge/assets.json", { with: { type: "json" } });
    return EdgeAssets.parse(built.default);
  } catch {
    return undefined;
  }
}

/** Reads the environment and runs until a signal. */
async function main(): Promise<void> {
  const log = createLog();
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    Deno.addSignalListener(signal, () => stop.abort());
  }
  const natsUrl = Deno.env.get("NEXO_NATS_URL") ?? "";
  if (natsUrl === "") {
    throw new CodedError(
      "usage",
      "Cannot start an edge: set NEXO_NATS_URL, for example ws://nats:8443",
    );
  }
  await using _tracing = await openTracing({
    env: Deno.env.toObject(),
    service: "nexo-edge",
    version: VERSION,
    log,
  });
  const credsFile = Deno.env.get("NEXO_NATS_CREDS");
  const snapshot = Deno.env.get("NEXO_CONFIG_SNAPSHOT");
  const port = Number(Deno.env.get("NEXO_PORT") ?? DEFAULT_PORT);
  const hostname = Deno.env.get("NEXO_HOST") ?? "127.0.0.1";
  await runRemoteEdge({
    listen: async (deps) =>
      startDenoEdge({
        ...deps,
        port,
        hostname,
        log,
        now,
        random,
        version: VERSION,
        assets: await readAssets(),
      }),
    natsUrl,
    auth: credsFile ? { creds: await Deno.readTextFile(credsFile) } : undefined,
    edgeKey: parseEdgeKey(Deno.env.get("NEXO_EDGE_KEY")),
    secretOf: (name) => Deno.env.get(name) || undefined,
    snapshot: snapshot ? { path: snapshot, read: () => Deno.readTextFile(snapshot) } : undefined,
    log,
  }, { signal: stop.signal, onReady: (url) => console.log(`nexo edge is ready at ${url}`) });
}

try {
  await main();
  Deno.exit(0);
} catch (error) {
  console.error(`nexo: ${messageOf(error)} [${codeOf(error)}]`);
  Deno.exit(codeOf(error) === "usage" ? 2 : 1);
}
