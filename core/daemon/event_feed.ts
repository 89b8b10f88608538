/**
 * Committed events on their way to microapps, each only what its grants cover.
 *
 * @module
 */
import { isSwitchedOn, NEXO_EVENT_KINDS, NOTICES, TOGGLES } from "../contract/mod.ts";
import type { EventLog } from "../events/event_log.ts";
import { OPERATOR_STREAM } from "../events/event_rows.ts";
import type { Env } from "../microapps/env.ts";
import type { Host } from "../microapps/host.ts";
import type { Settings } from "../settings/settings.ts";
import { covers, type GrantedTenants, grantedTenants } from "./microapp_grants.ts";

const NEXO_KINDS: ReadonlySet<string> = new Set(NEXO_EVENT_KINDS);

/** A microapp that hears events, and of which tenants. */
interface Subscriber {
  readonly id: string;
  /** By `agent_events_subscribe_all`: every kind. */
  readonly all: GrantedTenants | undefined;
  /** By `transcripts_subscribe`: nexo's kinds. */
  readonly nexo: GrantedTenants | undefined;
  /** The operator's choice among them; undefined for no choice. */
  readonly only: ReadonlySet<string> | undefined;
}

/**
 * Tells each microapp with a grant of the events it may see, after they are on disk; a grant for some
 * tenants hears theirs only. Returns the way to stop.
 */
export function forwardEvents(
  { events, host, settings, env }: {
    events: EventLog;
    host: Pick<Host, "notify">;
    settings: () => Settings;
    env: Env;
  },
): () => void {
  if (!isSwitchedOn(env, TOGGLES.agent_events)) return () => {};
  let knownFor: Settings | undefined;
  let subscribers: readonly Subscriber[] = [];

  return events.listen("operator", (batch) => {
    const now = settings();
    if (now !== knownFor) {
      knownFor = now;
      subscribers = subscribersOf(now);
    }
    if (subscribers.length === 0) return;
    const parsed: unknown[] = [];
    for (const { id, all, nexo, only } of subscribers) {
      batch.forEach(({ account: stream, kind, body }, i) => {
        if (only?.has(kind) === false) return;
        const account = stream === OPERATOR_STREAM ? null : stream;
        if (covers(all, account) || (NEXO_KINDS.has(kind) && covers(nexo, account))) {
          host.notify(id, NOTICES.agent_event, parsed[i] ??= JSON.parse(body));
        }
      });
    }
  });
}

function subscribersOf(settings: Settings): Subscriber[] {
  return Object.entries(settings.extensions.entries)
    .map(([id, { event_kinds: kinds }]) => ({
      id,
      only: kinds === undefined ? undefined : new Set(kinds),
      all: grantedTenants(settings, id, "agent_events_subscribe_all"),
      nexo: grantedTenants(settings, id, "transcripts_subscribe"),
    }))
    .filter(({ all, nexo }) => all !== undefined || nexo !== undefined);
}
