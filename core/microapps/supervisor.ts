/**
 * Keeps one microapp running: its process, its handshake, its orderly end.
 *
 * @module
 */
import { CodedError, messageOf } from "../contract/mod.ts";
import { openDeadline } from "../flow/deadline.ts";
import type { Child } from "./child.ts";
import {
  endChild,
  type GuardedChildDeps,
  openGuardedChild,
  settlesBefore,
  type StopTimeouts,
} from "./guarded_child.ts";
import { type Handshake, readHandshake } from "./handshake.ts";
import { type Life, type LifelineDeps, type LifeOptions, openLifeline } from "./lifeline.ts";
import { type ChildRequest, createOpenSpans, type OpenSpans } from "./open_spans.ts";
import { withPollTools } from "./poll_tools.ts";
import { createPeer, type Peer, type PeerLimits } from "./peer.ts";

/** Limits of a microapp's life, in milliseconds. */
export interface LifeTimeouts extends StopTimeouts {
  readonly handshakeMs: number;
}

/** What a supervisor needs. */
export interface SupervisorDeps extends GuardedChildDeps, Omit<LifelineDeps, "live"> {
  readonly id: string;
  /** The `params` of `initialize`. */
  readonly initializeParams: () => unknown;
  readonly onRequest: (request: ChildRequest) => Promise<unknown>;
  /** Kinds of jobs it brings, each with tools of its own. */
  readonly pollerKinds: readonly string[];
  readonly limits: PeerLimits;
  readonly timeouts: LifeTimeouts;
}

/** A process that has shaken hands. A new process is a new one of these, so nothing carries over. */
export interface Live {
  /** Counts the starts of this supervisor, from 1. */
  readonly generation: number;
  readonly peer: Peer;
  readonly handshake: Handshake;
  /** Calls are made within these, so that what it asks meanwhile joins their traces. */
  readonly spans: OpenSpans;
}

/** One microapp under watch. Disposing stops it and resolves when its processes are gone. */
export interface Supervisor extends AsyncDisposable {
  readonly lifeline: Life;
  /** The process to talk to, while there is one that is ready. */
  readonly live: Live | null;
  /** The last handshake; null before the first, and once the microapp has failed or stopped. */
  readonly handshake: Handshake | null;
  readonly pid: number | null;
}

const MAX_REASON_CHARS = 200;

/** Starts a microapp and keeps it running until disposed. */
export function openSupervisor(deps: SupervisorDeps): Supervisor {
  const { id, log, timeouts } = deps;
  let live: Live | null = null;
  let handshake: Handshake | null = null;
  let pid: number | null = null;

  /** One process from start to end; gives the reason of the end. */
  async function liveOnce({ generation, ready, signal }: LifeOptions): Promise<string> {
    await using guarded = await openGuardedChild(deps, signal);
    const { child, ended } = guarded;
    pid = child.pid;
    const spans = createOpenSpans();
    const peer = createPeer({
      input: child.stdout,
      output: child.stdin,
      log,
      limits: deps.limits,
      onRequest: (request) => spans.answer(request, deps.onRequest),
      onStray: (line) => deps.tail.addStray(`stdout: ${line}`),
    });
    const gone = child.exited.then((why) => {
      const message = `Cannot finish the call: microapp "${id}" ${why}`;
      peer.close(new CodedError("microapp_exited", message));
    });
    try {
      const result = await peer.call("initialize", deps.initializeParams(), {
        timeoutMs: timeouts.handshakeMs,
        signal,
        id: 0,
      });
      handshake = await withPollTools(
        readHandshake(result),
        deps.pollerKinds,
        (kind) =>
          peer.call("poll_list_tools", { kind }, { timeoutMs: timeouts.handshakeMs, signal }),
      );
      for (const text of handshake.warnings) {
        log.warn("microapp.handshake_warning", { text });
        deps.tail.addStray(`nexo: ${text}`);
      }
      live = { generation, peer, handshake, spans };
      ready();
      return await settlesBefore(ended, signal) ? await ended : "";
    } catch (error) {
      throw new CodedError("microapp_handshake", guarded.breach() ?? whyFailed(error), {
        cause: error,
      });
    } finally {
      const talks = live !== null;
      live = null;
      pid = null;
      if (signal.aborted) await stopChild(child, talks ? peer : null, ended, timeouts);
      child.signal("SIGKILL");
      await gone;
    }
  }

  const lifeline = openLifeline({
    ...deps,
    live: liveOnce,
    onState(state, reason) {
      if (state === "failed" || state === "stopped") handshake = null;
      deps.onState(state, reason);
    },
  });

  return {
    lifeline,
    get live() {
      return live;
    },
    get handshake() {
      return handshake;
    },
    get pid() {
      return pid;
    },
    [Symbol.asyncDispose]: () => lifeline[Symbol.asyncDispose](),
  };
}

function whyFailed(error: unknown): string {
  if (error instanceof CodedError && error.code === "microapp_exited") {
    return error.message.replace(/^[^:]*: /, "");
  }
  return `initialize failed: ${messageOf(error)}`;
}

/** A reason as the wire wants it. */
export function shutdownReason(text: string): string {
  return text.replaceAll(/\p{Cc}/gu, "").slice(0, MAX_REASON_CHARS);
}

/** Asks (any answer will do), closes stdin, waits, then SIGTERM, and waits once more. */
async function stopChild(
  child: Child,
  peer: Peer | null,
  ended: Promise<unknown>,
  { politeMs, killMs }: LifeTimeouts,
): Promise<void> {
  using polite = openDeadline(undefined, politeMs);
  const params = { reason: shutdownReason("sigterm") };
  const asked = peer?.call("shutdown", params, { timeoutMs: politeMs, id: 0 }).catch(() => {});
  await Promise.race([asked, ended]);
  await endChild(child, ended, { polite: polite.signal, graceMs: killMs - politeMs });
}
