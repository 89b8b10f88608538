/**
 * Our edge with every gate on and nobody behind it: a hand-off is accepted where it stands.
 *
 * @module
 */
import process from "node:process";
import { openLocalBus } from "../../../core/bus/local.ts";
import { openLiveSettings } from "../../../core/daemon/config.ts";
import { edgeConfigOf } from "../../../core/settings/edge_config.ts";
import { startNodeEdge } from "../../../edge/node.ts";
import { portOf, quietLog } from "./quiet.ts";
import { benchGone, sayReady } from "./talk.ts";

const [configDir = ""] = process.argv.slice(2);
const settings = await openLiveSettings({
  configDir,
  env: process.env,
  uuid: () => crypto.randomUUID(),
});
const { webhooks, version } = settings.current();
await using bus = openLocalBus();
await using edge = await startNodeEdge({
  bus: {
    ...bus,
    publishDurable: (handoffs) =>
      Promise.resolve(
        handoffs.map(({ envelope: { envelope_id } }) => ({ kind: "accepted", envelope_id })),
      ),
  },
  config: edgeConfigOf(webhooks, settings.secretOf, version),
  port: 0,
  hostname: "127.0.0.1",
  log: quietLog,
  version: "bench",
});
sayReady({ port: portOf(edge.url) });
await benchGone();
