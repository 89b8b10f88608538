/**
 * What core tells without being asked.
 *
 * @module
 */
import { z } from "zod";
import {
  AgentEvent,
  AgentsUpdated,
  messageOf,
  MicroappError,
  NOTICES,
  PairingStatus,
} from "../../core/contract/mod.ts";
import type { AppContext } from "./context.ts";
import type { Log } from "./log.ts";

const TokenRotated = z.looseObject({ old_hash: z.string(), new: z.string() });

/** What each notification of core tells. */
const KNOWN = {
  agent_event: AgentEvent,
  pairing_status_changed: PairingStatus,
  token_rotated: TokenRotated,
  microapp_error: MicroappError,
  agents_updated: AgentsUpdated,
} as const satisfies Record<keyof typeof NOTICES, z.ZodType>;

type Known = typeof KNOWN;

/** Hears a notification. What it throws is logged. */
export type NotificationHandler<Params = unknown, Config = unknown> = (
  params: Params,
  context: AppContext<Config>,
) => void | Promise<void>;

/**
 * Handlers by the names above, and for any other notification by its method. Core sends one only to
 * microapps with the grant for it, such as `transcripts_subscribe`.
 */
export type Notifications<Config = unknown> =
  & {
    readonly [Name in keyof Known]?: NotificationHandler<z.output<Known[Name]>, Config>;
  }
  & { readonly [method: `nexo/notify/${string}`]: NotificationHandler<unknown, Config> };

/** Hears a method's params as they came. */
export type Listener = (params: unknown, context: AppContext) => void | Promise<void>;

/** Handlers by method, each given only what it can read. */
export function listenersOf(
  notifications: Notifications,
  log: () => Log,
): Map<string, Listener[]> {
  const listeners = new Map<string, Listener[]>();
  for (const [name, handler] of Object.entries(notifications)) {
    if (handler === undefined) continue;
    const known = Object.hasOwn(KNOWN, name) ? name as keyof Known : undefined;
    const method = known === undefined ? name : NOTICES[known];
    const schema = known === undefined ? undefined : KNOWN[known];
    const hear = handler as NotificationHandler;
    const listener: Listener = schema === undefined ? hear : (params, context) => {
      const read = schema.safeParse(params);
      // A newer core may tell of kinds that this SDK does not know yet.
      if (read.success) return hear(read.data, context);
      log().debug("a notification was not understood", { method, error: messageOf(read.error) });
    };
    listeners.set(method, [...listeners.get(method) ?? [], listener]);
  }
  return listeners;
}
