/**
 * How a bot hears: Telegram is told our address, or asked for updates again and again.
 *
 * @module
 */
import type { Api } from "grammy";
import { bodyOfJson, type Handoff, type Outcome } from "../../contract/mod.ts";
import { delay } from "../../flow/delay.ts";
import type { Attendance } from "../channel.ts";
import { handoffOf } from "../own_handoff.ts";
import { webhookPath } from "../sources.ts";
import { failureOf } from "./send.ts";
import { ALLOWED_UPDATES, nameUpdate } from "./updates.ts";

/** What attending a bot needs. */
export interface AttendDeps {
  readonly instance: string;
  readonly secret: string;
  readonly publicUrl: () => string | undefined;
  /** Undefined when the bot may not be polled. */
  readonly polling: { readonly waitMs: number } | undefined;
  readonly deliver: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  readonly uuid: () => string;
  readonly now: () => number;
}

/** Between two polls that brought nothing though they were to wait, in milliseconds. */
const IDLE_PAUSE_MS = 250;
const MAX_UPDATES = 100;

/** Registers the webhook and is done, or polls until `signal` aborts. */
export async function attendBot(
  api: Api,
  deps: AttendDeps,
  signal: AbortSignal,
): Promise<Attendance> {
  const { instance, polling } = deps;
  const publicUrl = deps.publicUrl();
  const stop = signal as unknown as Parameters<Api["getMe"]>[0];
  try {
    if (publicUrl?.startsWith("https:") === true || (publicUrl !== undefined && !polling)) {
      await api.setWebhook(publicUrl + webhookPath("telegram", instance), {
        secret_token: deps.secret,
        allowed_updates: ALLOWED_UPDATES,
      }, stop);
      return { kind: "attended" };
    }
    if (polling === undefined) {
      const reason = "it has no public address and may not poll";
      return { kind: "not_ready", reason };
    }
    // Telegram hands out no updates as long as it knows an address.
    await api.deleteWebhook({}, stop);
    return await poll(api, { ...deps, waitMs: polling.waitMs }, signal);
  } catch (error) {
    signal.throwIfAborted();
    const failure = failureOf(error);
    if ("movedTo" in failure || failure.kind === "sent") throw error;
    return { kind: failure.kind === "auth" ? "auth" : "failed", reason: failure.reason };
  }
}

async function poll(
  api: Api,
  deps: AttendDeps & { readonly waitMs: number },
  signal: AbortSignal,
): Promise<Attendance> {
  const stop = signal as unknown as Parameters<Api["getMe"]>[0];
  const timeout = Math.floor(deps.waitMs / 1000);
  for (let offset = 0;;) {
    const updates: readonly unknown[] = await api.getUpdates({
      offset,
      limit: MAX_UPDATES,
      timeout,
      allowed_updates: ALLOWED_UPDATES,
    }, stop);
    const named = updates.flatMap((update) => {
      const name = nameUpdate(update);
      return name === undefined ? [] : [{ body: bodyOfJson(update), ...name }];
    });
    const outcomes = await deps.deliver(
      named.map((update) =>
        handoffOf({ channel: "telegram", instance: deps.instance, ...update }, deps)
      ),
    );
    // Telegram forgets what is below the next offset, so all of it must be on disk. What is asked for
    // again because one was not is known by its id.
    if (outcomes.some(({ kind }) => kind === "refused")) {
      return { kind: "failed", reason: "an update could not be kept" };
    }
    offset = named.reduce((next, { id }) => Math.max(next, Number(id) + 1), offset);
    if (updates.length === 0) await delay(IDLE_PAUSE_MS, { signal });
  }
}
