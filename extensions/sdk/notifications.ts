/**
 * What core tells without being asked.
 *
 * @module
 */
import { z } from "zod";
import { AgentEvent, messageOf } from "../../core/contract/mod.ts";
import type { AppContext } from "./context.ts";
import type { Log } from "./log.ts";

const PairingStatus = z.looseObject({
  challenge_id: z.string(),
  state: z.enum(["pending", "qr_ready", "awaiting_user", "linked", "expired", "cancelled"]),
  data: z.looseObject({
    qr_ascii: z.string().nullish(),
    qr_png_base64: z.string().nullish(),
    device_jid: z.string().nullish(),
    error: z.string().nullish(),
  }).nullish(),
});

const TokenRotated = z.looseObject({ old_hash: z.string(), new: z.string() });

const MicroappError = z.looseObject({
  microapp_id: z.string(),
  kind: z.string(),
  correlation_id: z.string().nullish(),
  occurred_at: z.string(),
  summary: z.string(),
  stack_trace: z.string().nullish(),
});

const AgentsUpdated = z.looseObject({
  agent_ids: z.array(z.string()),
  agents_config: z.record(z.string(), z.unknown()).optional(),
});

/** Each notification this SDK knows: its method, and what it tells. */
const KNOWN = {
  agent_event: ["nexo/notify/agent_event", AgentEvent],
  pairing_status_changed: ["nexo/notify/pairing_status_changed", PairingStatus],
  token_rotated: ["nexo/notify/token_rotated", TokenRotated],
  microapp_error: ["nexo/notify/microapp_error", MicroappError],
  "agents/updated": ["agents/updated", AgentsUpdated],
} as const;

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
    readonly [Name in keyof Known]?: NotificationHandler<z.output<Known[Name][1]>, Config>;
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
    const [method, schema] = Object.hasOwn(KNOWN, name) ? KNOWN[name as keyof Known] : [name, null];
    const hear = handler as NotificationHandler;
    const listener: Listener = schema === null ? hear : (params, context) => {
      const read = schema.safeParse(params);
      // A newer core may tell of kinds that this SDK does not know yet.
      if (read.success) return hear(read.data, context);
      log().debug("a notification was not understood", { method, error: messageOf(read.error) });
    };
    listeners.set(method, [...listeners.get(method) ?? [], listener]);
  }
  return listeners;
}
