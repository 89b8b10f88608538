/**
 * Notifications of channel servers on their way to disk, in the order in which each server sent them.
 *
 * MCP acknowledges no notification: a server does not hear whether one was kept. What the disk refuses is
 * tried again for a while; what arrives meanwhile waits, up to a limit, beyond which the newest is lost
 * with an error in the log.
 *
 * @module
 */
import {
  bodyOfJson,
  type Clock,
  CodedError,
  type Handoff,
  messageOf,
  type Outcome,
} from "../../contract/mod.ts";
import { backoffMs } from "../../flow/backoff.ts";
import { delay } from "../../flow/delay.ts";
import type { Log } from "../../flow/log.ts";
import { openScope } from "../../flow/scope.ts";
import { MCP_CHANNEL } from "../../settings/mcp_channels.ts";
import type { Settings } from "../../settings/settings.ts";
import { answererOf } from "../answerer.ts";
import { handoffOf } from "../own_handoff.ts";
import { noticeId } from "./notices.ts";

/** What the inlet needs. */
export interface InletDeps {
  readonly settings: () => Settings;
  readonly deliver: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** The way in for channel servers. Disposing keeps what waits, each tried once. */
export interface McpInlet extends AsyncDisposable {
  /** Takes what a server said; what no agent has approved is left out. */
  readonly receive: (server: string, params: unknown) => void;
}

/** Notifications of one server that may wait. */
const MAX_WAITING = 1_000;
const RETRY = { firstMs: 200, maxMs: 5_000 };
const MAX_TRIES = 8;

/** Returns the inlet; nothing is taken before the first call. */
export function openMcpInlet(deps: InletDeps): McpInlet {
  const { settings, deliver, log } = deps;
  const scope = openScope({ onError: (error) => log.error("mcp_channel.failed", { error }) });
  const waiting = new Map<string, Handoff[]>();
  /** Servers nobody approved, and the config of which that was said. */
  const told = new Map<string, number>();
  let closing = false;

  async function drain(server: string, queue: Handoff[], signal: AbortSignal): Promise<void> {
    for (let next = queue[0]; next !== undefined; next = queue[0]) {
      await keep(server, next, signal);
      queue.shift();
    }
    waiting.delete(server);
  }

  async function keep(server: string, handoff: Handoff, signal: AbortSignal): Promise<void> {
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      const [outcome] = await deliver([handoff]).catch((error: unknown) => {
        log.warn("mcp_channel.unkept", { server, error: messageOf(error) });
        return [];
      });
      if (outcome !== undefined && outcome.kind !== "refused") return;
      if (closing) break;
      await delay(backoffMs(tries, RETRY), { signal });
    }
    log.error("mcp_channel.lost", { server, reason: "it could not be kept" });
  }

  /** Whether an agent hears the server; said once for each config when none does. */
  function isHeard(server: string): boolean {
    const { version } = settings();
    try {
      answererOf(settings(), MCP_CHANNEL, server, { suspended: "accept" });
      return true;
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      if (told.get(server) !== version) {
        log.warn("mcp_channel.unheard", { server, code: error.code, reason: error.message });
        told.set(server, version);
      }
      return false;
    }
  }

  return {
    receive(server, params) {
      if (closing || !isHeard(server)) return;
      const queue = waiting.get(server) ?? [];
      if (queue.length >= MAX_WAITING) {
        return log.error("mcp_channel.lost", { server, reason: `${MAX_WAITING} wait already` });
      }
      queue.push(handoffOf({
        channel: MCP_CHANNEL,
        instance: server,
        kind: "message",
        body: bodyOfJson(params),
        id: noticeId(params) ?? deps.uuid(),
      }, deps));
      if (waiting.has(server)) return;
      waiting.set(server, queue);
      scope.run((signal) => drain(server, queue, signal));
    },
    async [Symbol.asyncDispose]() {
      closing = true;
      await scope.idle();
      await scope[Symbol.asyncDispose]();
    },
  };
}
