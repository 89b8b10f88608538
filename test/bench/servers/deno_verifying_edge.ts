/**
 * Our edge on Deno with every gate on and nobody behind it: a hand-off is accepted where it stands.
 *
 * @module
 */
import { openLocalBus } from "../../../core/bus/local.ts";
import { EdgeConfig } from "../../../core/contract/mod.ts";
import { startDenoEdge } from "../../../edge/deno_server.ts";
import { quietLog } from "./quiet.ts";

const edge = startDenoEdge({
  bus: {
    ...openLocalBus(),
    publishDurable: (handoffs) =>
      Promise.resolve(
        handoffs.map(({ envelope: { envelope_id } }) => ({ kind: "accepted", envelope_id })),
      ),
  },
  now: Date.now,
  random: (bytes) => crypto.getRandomValues(bytes),
  log: quietLog,
  version: "bench",
  visitorSecret: "",
  authorize: () => Promise.resolve(false),
  port: 0,
  hostname: "127.0.0.1",
});
edge.apply(EdgeConfig.parse(JSON.parse(Deno.args[0] ?? "")));
console.log(`ready at ${edge.url}`);
