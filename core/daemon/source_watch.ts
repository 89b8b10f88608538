/**
 * Watches webhook sources: what core accepts and what edges say they refused, minute by minute.
 *
 * @module
 */
import type { Bus } from "../bus/bus.ts";
import {
  type AgentEvent,
  type Clock,
  CodedError,
  codeOf,
  RejectionReport,
  type ResolvedSource,
  resolveSource,
  subjects,
} from "../contract/mod.ts";
import { OPERATOR_STREAM, rowsForEvents } from "../events/event_rows.ts";
import type { Log } from "../flow/log.ts";
import type { Intake } from "../intake/intake.ts";
import { createSourceHealth, type SourceHealth } from "../intake/source_health.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";

/** What the watch needs. */
export interface SourceWatchDeps {
  readonly store: Pick<Store, "commit">;
  readonly settings: () => Settings;
  readonly now: Clock;
  readonly log: Log;
}

/** The watch at work. Disposing stops it. */
export interface SourceWatch extends Disposable {
  readonly health: SourceHealth;
  /** Looks at what becomes of deliveries as they pass. */
  readonly deliver: (deliver: Intake["deliver"]) => Intake["deliver"];
  /** Hears edges. */
  readonly serve: (bus: Bus) => void;
}

const TICK_MS = 60_000;
const NOTHING = new Uint8Array();

/** Starts the watch. */
export function openSourceWatch({ store, settings, now, log }: SourceWatchDeps): SourceWatch {
  function record(account: string | null, event: AgentEvent): void {
    const { kind } = event;
    log.warn("source.noticed", { account, ...event });
    store.commit(rowsForEvents({ account: account ?? OPERATOR_STREAM, events: [event] })).catch(
      (error: unknown) => log.error("source.unrecorded", { kind, code: codeOf(error), error }),
    );
  }
  const health = createSourceHealth({ sources: liveSources(settings), record, now });
  const timer = setInterval(health.tick, TICK_MS);
  timer.unref();
  return {
    health,
    deliver: (deliver) =>
      async function deliverWatched(handoffs) {
        const outcomes = await deliver(handoffs);
        for (const [i, { envelope }] of handoffs.entries()) {
          // A repetition shows as well that the source is in order.
          if (outcomes[i]?.kind === "refused") continue;
          health.accepted(envelope.source_id, envelope.received_at_ms);
        }
        return outcomes;
      },
    serve(bus) {
      bus.respond(subjects.rejections, { queue: "core" }, ({ data }) => {
        health.rejected(parseReport(data));
        return Promise.resolve(NOTHING);
      });
    },
    [Symbol.dispose]: () => clearInterval(timer),
  };
}

/** @throws {CodedError} `invalid_params` */
function parseReport(data: Uint8Array): RejectionReport {
  const report = RejectionReport.safeParse(JSON.parse(new TextDecoder().decode(data)));
  if (report.success) return report.data;
  throw new CodedError("invalid_params", "Cannot read a report of refusals: it is malformed");
}

/** The sources of the settings in force; resolved once for each snapshot. */
function liveSources(settings: () => Settings): () => ReadonlyMap<string, ResolvedSource> {
  let resolvedFor: Settings["webhooks"] | undefined;
  let sources: ReadonlyMap<string, ResolvedSource> = new Map();
  return () => {
    const { webhooks } = settings();
    if (webhooks !== resolvedFor) {
      resolvedFor = webhooks;
      const raw = webhooks.enabled ? webhooks.sources : [];
      sources = new Map(raw.map((source) => [source.id, resolveSource(source)]));
    }
    return sources;
  };
}
