/**
 * The event log on the bus: the present for all edges, the past for whoever asks with a token.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import type { Random } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { insert, type Store } from "../store/store.ts";
import { type BackfillDeps, serveBackfill } from "./backfill.ts";
import type { EventLog } from "./event_log.ts";
import { openLiveEvents } from "./live.ts";

/** What {@linkcode serveEvents} needs. */
export interface ServeEventsDeps {
  readonly bus: Bus;
  readonly store: Pick<Store, "commit" | "read">;
  readonly events: EventLog;
  readonly verify: BackfillDeps["verify"];
  readonly random: Random;
  readonly log: Log;
  /** The largest message the bus carries, in bytes. @default {786_432} */
  readonly maxMessageBytes?: number | undefined;
  /** How often edges hear where the log ends, in milliseconds. @default {5000} */
  readonly heartbeatMs?: number | undefined;
}

/** Below the 1 MiB that a NATS server carries unless told otherwise. */
const MAX_MESSAGE_BYTES = 786_432;
const HEARTBEAT_MS = 5_000;

const EPOCH_KEY = "events_epoch";

/** Serves until disposed. */
export async function serveEvents(deps: ServeEventsDeps): Promise<Disposable> {
  const { maxMessageBytes = MAX_MESSAGE_BYTES, heartbeatMs = HEARTBEAT_MS } = deps;
  const epoch = await readEpoch(deps);
  const stop = new AbortController();
  const live = await openLiveEvents({ ...deps, epoch, maxMessageBytes, heartbeatMs });
  serveBackfill({ ...deps, epoch, maxMessageBytes, signal: stop.signal });
  return {
    [Symbol.dispose]() {
      stop.abort();
      live[Symbol.dispose]();
    },
  };
}

/** The name of this database's history, made once; another database means other offsets. */
async function readEpoch(
  { store, random }: Pick<ServeEventsDeps, "store" | "random">,
): Promise<string> {
  const made = Buffer.from(random(new Uint8Array(6))).toString("hex");
  await store.commit([insert("meta", { key: EPOCH_KEY, value: made }, "ignore")]);
  const [row] = await store.read<{ value: string }>(
    "SELECT value FROM meta WHERE key = ?",
    [EPOCH_KEY],
  );
  return row?.value ?? made;
}
