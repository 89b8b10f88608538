/**
 * An edge on Node whose core is elsewhere, as `nexo edge` wires it.
 *
 * @module
 */
import process from "node:process";
import { startNodeEdge } from "../../../edge/node.ts";
import { parseEdgeKey, runRemoteEdge } from "../../../edge/remote_edge.ts";
import { portOf, quietLog } from "./quiet.ts";
import { benchGone, sayReady } from "./talk.ts";

const stop = new AbortController();
void benchGone().then(() => stop.abort());
await runRemoteEdge({
  listen: (deps) =>
    startNodeEdge({
      ...deps,
      config: undefined,
      port: 0,
      hostname: "127.0.0.1",
      version: "bench",
      log: quietLog,
    }),
  natsUrl: process.env["NEXO_NATS_URL"] ?? "",
  auth: undefined,
  edgeKey: parseEdgeKey(process.env["NEXO_EDGE_KEY"]),
  secretOf: () => undefined,
  snapshot: undefined,
  log: quietLog,
}, { signal: stop.signal, onReady: (url) => sayReady({ port: portOf(url) }) });
