/**
 * The work of instances' own: started, started again when it fails or its settings change, and stopped.
 *
 * @module
 */
import { bindingId, messageOf } from "../contract/mod.ts";
import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { Settings } from "../settings/settings.ts";
import { instancesOf } from "../settings/tenant.ts";
import { answererOf } from "./answerer.ts";
import type { Attendance, Channel } from "./channel.ts";
import type { Channels } from "./ingress.ts";

/** An instance as operators see it. */
export interface InstanceView {
  readonly channel: string;
  readonly instance: string;
  readonly state: "working" | Attendance["kind"];
  readonly reason: string | null;
}

/** The running work of all instances. */
export interface Attendants extends AsyncDisposable {
  /** Looks which instances there are now; those that changed are attended anew. */
  readonly apply: () => void;
  readonly list: () => InstanceView[];
}

/** What {@linkcode openAttendants} needs. */
export interface AttendantDeps {
  readonly settings: () => Settings;
  readonly channels: Channels;
  readonly credentialOf: (channel: string, instance: string) => unknown;
  readonly log: Log;
}

const RETRY = { firstMs: 1_000, maxMs: 60_000 };
/** After a refusal that only new credentials end, in milliseconds. */
const REFUSED_PAUSE_MS = 300_000;

interface Attendant {
  /** What its work depends on; another one starts it anew. */
  readonly fingerprint: string;
  readonly stop: () => void;
  state: InstanceView["state"];
  reason: string | null;
}

/** Starts nothing before the first {@linkcode Attendants.apply}. */
export function openAttendants(deps: AttendantDeps): Attendants {
  const { settings, channels, log } = deps;
  const scope = openScope({ onError: (error) => log.error("channels.failed", { error }) });
  const attendants = new Map<string, Attendant>();

  function start(channel: Channel, instance: string, fingerprint: string): void {
    const stop = new AbortController();
    const attendant: Attendant = {
      fingerprint,
      stop: () => stop.abort(),
      state: "working",
      reason: null,
    };
    attendants.set(bindingId(channel.id, instance), attendant);
    scope.run(async (signal) => {
      const end = (): void => stop.abort();
      signal.addEventListener("abort", end, { once: true });
      try {
        await work(channel, instance, attendant, stop.signal);
      } catch (error) {
        if (!stop.signal.aborted) throw error;
      } finally {
        signal.removeEventListener("abort", end);
      }
    });
  }

  async function work(
    channel: Channel,
    instance: string,
    attendant: Attendant,
    signal: AbortSignal,
  ): Promise<void> {
    for (let failures = 0;;) {
      attendant.state = "working";
      const end = await attend(channel, instance, signal);
      signal.throwIfAborted();
      attendant.state = end.kind;
      if (end.kind === "attended") {
        attendant.reason = null;
        return;
      }
      attendant.reason = end.reason;
      failures += 1;
      log.warn("channel.unattended", {
        channel: bindingId(channel.id, instance),
        state: end.kind,
        reason: end.reason,
      });
      await delay(end.kind === "failed" ? backoffMs(failures, RETRY) : REFUSED_PAUSE_MS, {
        signal,
      });
    }
  }

  async function attend(
    channel: Channel,
    instance: string,
    signal: AbortSignal,
  ): Promise<Attendance> {
    try {
      return await channel.attend?.(instance, signal) ?? { kind: "attended" };
    } catch (error) {
      signal.throwIfAborted();
      return { kind: "failed", reason: messageOf(error) };
    }
  }

  /** What there is to attend, by binding. */
  function wanted(): Map<string, { channel: Channel; instance: string; fingerprint: string }> {
    const current = settings();
    const found = new Map<string, { channel: Channel; instance: string; fingerprint: string }>();
    for (const channel of channels.values()) {
      if (channel.attend === undefined) continue;
      for (const config of instancesOf(current.plugins, channel.id)) {
        const { instance, enabled = true } = config;
        if (!enabled || !isAnswered(current, channel.id, instance)) continue;
        const credential = deps.credentialOf(channel.id, instance) ?? null;
        const fingerprint = JSON.stringify([config, current.webhooks.public_url, credential]);
        found.set(bindingId(channel.id, instance), { channel, instance, fingerprint });
      }
    }
    return found;
  }

  return {
    apply() {
      const wants = wanted();
      for (const [id, { stop, fingerprint }] of attendants) {
        if (wants.get(id)?.fingerprint === fingerprint) continue;
        stop();
        attendants.delete(id);
      }
      for (const [id, { channel, instance, fingerprint }] of wants) {
        if (!attendants.has(id)) start(channel, instance, fingerprint);
      }
    },
    list: () =>
      Array.from(attendants, ([id, { state, reason }]) => {
        const [channel = "", instance = ""] = id.split(":");
        return { channel, instance, state, reason };
      }),
    [Symbol.asyncDispose]: () => scope[Symbol.asyncDispose](),
  };
}

/** What nobody answers is not fetched: it would only become dead letters. */
function isAnswered(settings: Settings, channel: string, instance: string): boolean {
  try {
    answererOf(settings, channel, instance);
    return true;
  } catch {
    return false; // the reason is `nexo check`'s to tell
  }
}
