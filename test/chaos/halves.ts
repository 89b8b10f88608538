/**
 * A nats-server, a core and two edges of different runtimes, any of which may be killed.
 *
 * @module
 */
import { setTimeout as delay } from "node:timers/promises";
import type { DaemonPlace, RunningDaemon } from "../support/daemon.ts";
import type { NatsServer } from "../support/nats_server.ts";
import { type Immortal, keepAlive } from "./immortal.ts";

/** An edge that is ready. */
export type RunningEdge = Awaited<ReturnType<DaemonPlace["startEdge"]>>;

/** Both halves and what is between them. */
export interface Halves {
  readonly core: Immortal<RunningDaemon>;
  readonly edges: readonly Immortal<RunningEdge>[];
  /** Kills one or two of the four at once. Resolves when all are ready again. */
  readonly strike: () => Promise<void>;
  /** Kills of each, by name. */
  readonly kills: () => Readonly<Record<string, number>>;
  /** Resolves when nats-server is there and both edges are connected to it. */
  readonly calm: () => Promise<void>;
  /** How often nats-server was lost; odd while it is. */
  readonly busLosses: () => number;
}

/** Starts core and edges in `place`, whose environment names `server`. */
export async function keepHalves(
  { server, place, random }: {
    server: NatsServer;
    place: DaemonPlace;
    random: () => number;
  },
): Promise<Halves> {
  let isFirst = true;
  const nats = keepAlive(async (): Promise<NatsServer> => {
    if (!isFirst) await server.start();
    isFirst = false;
    return server;
  });
  /** A process that finds no nats-server ends at once, as it should, so it is started after it. */
  const afterNats = <Process>(start: () => Promise<Process>) => () => nats.living().then(start);
  const core = keepAlive(afterNats(() => place.start("core")));
  const node = keepAlive(afterNats(() => place.startEdge("node")));
  const deno = keepAlive(afterNats(() => place.startEdge("deno")));
  const edges = [node, deno];
  await Promise.all([core, node, deno].map((one: Immortal<unknown>) => one.living()));

  const all: readonly (readonly [string, Immortal<unknown>])[] = [
    ["core", core],
    ["node edge", node],
    ["deno edge", deno],
    ["nats-server", nats],
  ];
  let losses = 0;
  let calm: Promise<void> = Promise.resolve();
  let turn = Math.floor(random() * all.length);

  async function loseBus(): Promise<void> {
    losses++;
    await nats.kill();
    await Promise.all(edges.map(async (edge) => untilReady(await edge.living())));
    losses++;
  }

  return {
    core,
    edges,
    async strike() {
      // Each in turn, so that no seed spares any of them.
      const victims = new Set([all[turn++ % all.length], all[Math.floor(random() * all.length)]]);
      await Promise.all(Array.from(victims, async (victim) => {
        if (victim?.[1] === nats) await (calm = loseBus());
        else await victim?.[1].kill();
      }));
    },
    kills: () => Object.fromEntries(all.map(([name, one]) => [name, one.kills()])),
    calm: () => calm,
    busLosses: () => losses,
  };
}

/** Waits, by asking, until an edge says that it and its bus are ready. */
async function untilReady({ url }: RunningEdge): Promise<void> {
  while (!(await fetch(`${url}/readyz`)).ok) await delay(20);
}
