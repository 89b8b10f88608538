/**
 * The HTTP servers of all microapps of a host: each watched while its process is ready.
 *
 * @module
 */
import type { Clock } from "../../contract/mod.ts";
import type { Log } from "../../flow/log.ts";
import type { Candidate } from "../candidate.ts";
import type { MicroappState } from "../lifeline.ts";
import { addressOf, type ServerAddress } from "./address.ts";
import { openServerWatch, type ServerState, type ServerWatch, type WatchTimes } from "./watch.ts";

/** A microapp's HTTP server, as `nexo ext status` shows it. */
export interface ServerStatus {
  /** Where core finds it. */
  readonly url: string;
  /** `stopped` while its process is not ready. */
  readonly state: ServerState | "stopped";
  readonly reason: string | null;
}

/** A server to route to. */
export interface RoutableServer {
  readonly address: ServerAddress;
  readonly isReady: boolean;
  /** Says that it could not be reached. */
  readonly suspect: () => void;
}

/** The servers of a host. Disposing ends the watching. */
export interface HttpServers extends AsyncDisposable {
  /** Hears of each change of a microapp that declares a server. */
  readonly follow: (candidate: Candidate, state: MicroappState) => void;
  /** Null for a microapp that declares none. */
  readonly statusOf: (candidate: Candidate) => ServerStatus | null;
  readonly find: (candidate: Candidate) => RoutableServer | undefined;
}

/** Builds them; nothing is watched yet. */
export function createHttpServers({ logFor, ...deps }: {
  times: WatchTimes;
  mayProbe: () => boolean;
  now: Clock;
  logFor: (microappId: string) => Log;
}): HttpServers {
  const watches = new Map<string, ServerWatch>();
  const ending = new Set<Promise<void>>();

  function end(id: string, watch: ServerWatch): void {
    watches.delete(id);
    const ended: Promise<void> = watch.close().finally(() => ending.delete(ended));
    ending.add(ended);
  }

  return {
    follow({ id, manifest: { capabilities: { httpServer } } }, state) {
      const watch = watches.get(id);
      if (watch !== undefined) end(id, watch);
      if (httpServer === null || state !== "ready") return;
      const watched = { address: addressOf(httpServer), healthPath: httpServer.health_path };
      watches.set(id, openServerWatch({ ...deps, ...watched, log: logFor(id) }));
    },
    statusOf({ id, manifest: { capabilities: { httpServer } } }) {
      if (httpServer === null) return null;
      const watch = watches.get(id);
      return {
        url: addressOf(httpServer).url,
        state: watch?.state ?? "stopped",
        reason: watch === undefined ? "its process is not ready" : watch.reason,
      };
    },
    find({ id, manifest: { capabilities: { httpServer } } }) {
      if (httpServer === null) return undefined;
      const watch = watches.get(id);
      return {
        address: addressOf(httpServer),
        isReady: watch?.state === "ready" || watch?.state === "unwatched",
        suspect: () => watch?.suspect(),
      };
    },
    async [Symbol.asyncDispose]() {
      for (const [id, watch] of watches) end(id, watch);
      await Promise.all(ending);
    },
  };
}
