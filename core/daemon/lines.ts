/**
 * Every line of every channel, and how it is.
 *
 * @module
 */
import type { LineView } from "../contract/views/channels.ts";
import { answererOf } from "../channels/answerer.ts";
import type { InstanceView } from "../channels/attendants.ts";
import type { Channels } from "../channels/ingress.ts";
import { bindingId, type EdgeConfig, messageOf } from "../contract/mod.ts";
import type { Settings } from "../settings/settings.ts";
import { instanceOf, instancesOf } from "../settings/tenant.ts";
import type { Row, Store } from "../store/store.ts";
import type { Credentials } from "../vault/credentials.ts";

/** What {@linkcode createLines} looks at. */
export interface LinesDeps {
  readonly store: Pick<Store, "read" | "readMany">;
  readonly settings: () => Settings;
  readonly channels: Channels;
  readonly credentials: Pick<Credentials, "list">;
  readonly edgeConfig: () => Pick<EdgeConfig, "sources">;
  /** How the instances that agents answer on stand. */
  readonly channelHealth: () => Promise<readonly InstanceView[]>;
}

/** Events that are looked through for the newest of each line. */
const RECENT_EVENTS = 20_000;

interface Waiting extends Row {
  readonly channel: string;
  readonly instance: string;
  readonly waiting: number;
  readonly retrying: number;
  readonly oldest_waiting_ms: number;
}

interface Newest extends Row {
  readonly kind: string;
  readonly line: string;
  readonly at_ms: number;
}

/** Returns the reader of all lines, in the order of channels and instances. */
export function createLines(deps: LinesDeps): () => Promise<LineView[]> {
  const { settings, channels, credentials, edgeConfig, channelHealth } = deps;
  return async function lines() {
    const [waiting, newest, health] = await Promise.all([
      readWaiting(deps),
      readNewest(deps),
      channelHealth(),
    ]);
    const registered = new Map(
      credentials.list().map((entry) => [bindingId(entry.channel, entry.instance), entry]),
    );
    const paths = new Map(edgeConfig().sources.map(({ id, path }) => [id, path]));
    const states = new Map(health.map((one) => [bindingId(one.channel, one.instance), one]));
    return linesIn(settings(), channels, registered.values()).map((line) => {
      const id = bindingId(line.channel, line.instance);
      const credential = registered.get(id);
      const queue = waiting.get(id);
      const last = (kind: string): number | null => newest.get(`${kind} ${id}`) ?? null;
      return {
        ...line,
        ...answererIn(settings(), line),
        ...stateOf(settings(), line, states.get(id)),
        webhook_path: paths.get(id) ?? null,
        credential: credential === undefined ? null : {
          account_id: credential.account,
          registered_by: credential.registeredBy,
          registered_at_ms: credential.registeredAtMs,
        },
        waiting: queue?.waiting ?? 0,
        retrying: queue?.retrying ?? 0,
        oldest_waiting_ms: queue?.oldest_waiting_ms ?? null,
        last_turn_ms: last("turn_started"),
        last_sent_ms: last("outbound_sent"),
        last_failed_ms: last("outbound_failed"),
      };
    });
  };
}

interface Line {
  readonly channel: string;
  readonly instance: string;
}

/** What files declare, agents are bound to, or credentials are registered for. */
function linesIn(settings: Settings, channels: Channels, registered: Iterable<Line>): Line[] {
  const found = new Map<string, Line>();
  const add = ({ channel, instance }: Line): void => {
    if (channels.has(channel)) found.set(bindingId(channel, instance), { channel, instance });
  };
  for (const channel of channels.keys()) {
    for (const { instance } of instancesOf(settings.plugins, channel)) add({ channel, instance });
  }
  for (const agent of settings.agents.values()) {
    for (const { plugin, instance = "default" } of agent.inbound_bindings) {
      add({ channel: plugin, instance: instance ?? "default" });
    }
  }
  for (const line of registered) add(line);
  return [...found].sort(([a], [b]) => a < b ? -1 : 1).map(([, line]) => line);
}

function answererIn(settings: Settings, { channel, instance }: Line) {
  const agents = [...settings.agents.values()].filter((agent) =>
    agent.inbound_bindings.some((binding) =>
      binding.plugin === channel && (binding.instance ?? "default") === instance
    )
  ).map(({ id }) => id);
  try {
    const { account } = answererOf(settings, channel, instance, { suspended: "accept" });
    return { account_id: account, agents };
  } catch {
    return { account_id: null, agents }; // its state says why
  }
}

function stateOf(
  settings: Settings,
  { channel, instance }: Line,
  health: InstanceView | undefined,
): Pick<LineView, "state" | "reason"> {
  if (instanceOf(settings.plugins, channel, instance)?.enabled === false) {
    return { state: "off", reason: `enabled is false in plugins/${channel}.yaml` };
  }
  try {
    answererOf(settings, channel, instance);
  } catch (error) {
    return { state: "unanswered", reason: messageOf(error) };
  }
  if (health === undefined || health.state === "working" || health.state === "attended") {
    return { state: "ready", reason: health?.reason ?? null };
  }
  return { state: "failing", reason: health.reason ?? health.state };
}

async function readWaiting({ store }: LinesDeps): Promise<Map<string, Waiting>> {
  const rows = await store.readMany<Waiting>(
    `SELECT channel, instance, COUNT(*) AS waiting, SUM(attempts > 0) AS retrying,
       MIN(created_at_ms) AS oldest_waiting_ms
     FROM outbox WHERE state = 'queued' GROUP BY channel, instance`,
  );
  return new Map(rows.map((row) => [bindingId(row.channel, row.instance), row]));
}

async function readNewest({ store }: LinesDeps): Promise<Map<string, number>> {
  const rows = await store.readMany<Newest>(
    `SELECT kind, COALESCE(body ->> '$.binding_id', (body ->> '$.channel') || ':' || (body ->> '$.instance')) AS line,
       MAX(at_ms) AS at_ms
     FROM agent_events
     WHERE id > (SELECT COALESCE(MAX(id), 0) FROM agent_events) - ?
       AND kind IN ('turn_started', 'outbound_sent', 'outbound_failed')
     GROUP BY 1, 2`,
    [RECENT_EVENTS],
  );
  return new Map(rows.map(({ kind, line, at_ms }) => [`${kind} ${line}`, at_ms]));
}
