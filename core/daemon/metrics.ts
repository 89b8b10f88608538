/**
 * What core counts: the wiring looks at what passes between rooms, so that no room knows of metrics.
 *
 * @module
 */
import type { Channel } from "../channels/channel.ts";
import {
  type AgentEvent,
  type Clock,
  codeOf,
  type Handoff,
  type Outcome,
} from "../contract/mod.ts";
import type { EventLog } from "../events/event_log.ts";
import { type Meter, MILLISECONDS, SECONDS } from "../flow/meter.ts";
import type { AskModel, ModelRef } from "../models/model.ts";
import type { FlushReport } from "../store/writer.ts";
import { countApps } from "./app_metrics.ts";

/** Functions of rooms, counted as they pass. */
export interface CoreMetrics {
  readonly onFlushed: (report: FlushReport) => void;
  readonly lastFlush: () => FlushReport | undefined;
  readonly onTrimmed: (rows: number) => void;
  readonly onRecordTrimmed: (what: string, rows: number) => void;
  readonly deliver: (deliver: Deliver) => Deliver;
  readonly turn: <J extends { readonly account: string }, R extends TurnEnd>(
    run: (job: J, signal: AbortSignal) => Promise<R>,
  ) => (job: J, signal: AbortSignal) => Promise<R>;
  readonly models: (ask: AskModel) => AskModel;
  readonly channel: (channel: Channel) => Channel;
  readonly apps: ReturnType<typeof countApps>;
  /** Counts what the log tells; returns the way to stop. */
  readonly follow: (events: Pick<EventLog, "listen">) => () => void;
}

type Deliver = (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
type TurnEnd =
  | { readonly kind: "finished"; readonly outcome: string }
  | { readonly kind: "held" | "parked" | "retry" };
type ToolCalled = AgentEvent & { kind: "tool_called" };

/** What counting needs. */
export interface CoreMetricsDeps {
  readonly meter: Meter;
  /** Whether tenants are named; asked each time. */
  readonly tenantLabel: () => boolean;
  readonly now: Clock;
}

const UNITS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512];

/** Declares the metrics and returns the ways to count them. */
export function createCoreMetrics({ meter, tenantLabel, now }: CoreMetricsDeps): CoreMetrics {
  const tenantOf = (account: string): string => tenantLabel() ? account : "";
  return {
    ...countStore(meter),
    deliver: countDeliveries(meter),
    turn: countTurns({ meter, tenantOf, now }),
    models: countModels({ meter, tenantOf, now }),
    channel: countSends(meter),
    apps: countApps({ meter, now }),
    follow: countEvents({ meter, tenantOf }),
  };
}

interface Counting {
  readonly meter: Meter;
  readonly tenantOf: (account: string) => string;
  readonly now: Clock;
}

function countStore(meter: Meter): Pick<
  CoreMetrics,
  "lastFlush" | "onFlushed" | "onRecordTrimmed" | "onTrimmed"
> {
  const units = meter.histogram({
    name: "nexo_store_commit_units",
    help: "Units of work that shared one commit",
    bounds: UNITS,
  });
  const seconds = meter.histogram({
    name: "nexo_store_commit_seconds",
    help: "Time of one commit, waiting for foreign locks included",
    bounds: SECONDS,
  });
  const failures = meter.counter({
    name: "nexo_store_commit_failures_total",
    help: "Commits of which nothing was written",
    labels: ["code"],
  });
  const trimmed = meter.counter({
    name: "nexo_events_trimmed_total",
    help: "Events that retention deleted",
  });
  const recordTrimmed = meter.counter({
    name: "nexo_record_trimmed_total",
    help: "Rows of the record that retention deleted; of transcripts, turns",
    labels: ["what"],
  });
  let last: FlushReport | undefined;
  return {
    lastFlush: () => last,
    onFlushed(report) {
      last = report;
      if (report.error !== null) return failures.add(1, report.error.code);
      units.observe(report.units);
      seconds.observe(report.durationMs / 1_000);
    },
    onTrimmed: (rows) => trimmed.add(rows),
    onRecordTrimmed: (what, rows) => recordTrimmed.add(rows, what),
  };
}

function countDeliveries(meter: Meter): CoreMetrics["deliver"] {
  const deliveries = meter.counter({
    name: "nexo_inbox_deliveries_total",
    help: "Webhooks handed to core, by what became of them",
    labels: ["result"],
  });
  return (deliver) =>
    async function deliverCounted(handoffs) {
      const outcomes = await deliver(handoffs);
      for (const { kind } of outcomes) deliveries.add(1, kind);
      return outcomes;
    };
}

function countTurns({ meter, tenantOf, now }: Counting): CoreMetrics["turn"] {
  const turns = meter.counter({
    name: "nexo_turns_total",
    help: "Runs of turns by outcome; retry is a run that failed and is tried again, " +
      "parked one that waits for its tenant or agent, held one whose conversation a person has",
    labels: ["outcome", "tenant"],
  });
  const seconds = meter.histogram({
    name: "nexo_turn_seconds",
    help: "Time of one run of a turn",
    labels: ["outcome"],
    bounds: [...SECONDS, 60, 120],
  });
  let running = 0;
  meter.reads(
    { name: "nexo_turns_running", help: "Turns under way", type: "gauge" },
    () => [[running]],
  );
  return (run) =>
    async function runCounted(job, signal) {
      const startedAtMs = now();
      running += 1;
      try {
        const end = await run(job, signal);
        const outcome = end.kind === "finished" ? end.outcome : end.kind;
        turns.add(1, outcome, tenantOf(job.account));
        seconds.observe((now() - startedAtMs) / 1_000, outcome);
        return end;
      } finally {
        running -= 1;
      }
    };
}

function countModels({ meter, tenantOf, now }: Counting): CoreMetrics["models"] {
  const labels = ["provider", "model", "outcome", "tenant"] as const;
  const requests = meter.counter({
    name: "llm_requests_total",
    help: "Answers asked of language models, by who gave them; tries and fallbacks are part of one",
    labels,
  });
  const latency = meter.histogram({
    name: "llm_latency_ms",
    help: "Time until a model answered, tries and fallbacks included, in milliseconds",
    labels: ["provider", "model"],
    bounds: [...MILLISECONDS, 60_000, 120_000],
  });
  const tokens = meter.counter({
    name: "nexo_llm_tokens_total",
    help: "Tokens as providers count them; cached ones are part of the input",
    labels: ["provider", "model", "direction", "tenant"],
  });
  return (ask) =>
    async function askCounted(caller, chosen, request) {
      const startedAtMs = now();
      const tenant = tenantOf(caller.account);
      const count = ({ provider, model }: ModelRef, outcome: string): void => {
        requests.add(1, provider, model, outcome, tenant);
        latency.observe(now() - startedAtMs, provider, model);
      };
      try {
        const asked = await ask(caller, chosen, request);
        const { by, answer: { usage } } = asked.step;
        count(by, "ok");
        tokens.add(usage.inputTokens, by.provider, by.model, "input", tenant);
        tokens.add(usage.cachedTokens, by.provider, by.model, "cached", tenant);
        tokens.add(usage.outputTokens, by.provider, by.model, "output", tenant);
        return asked;
      } catch (error) {
        count(chosen, request.signal.aborted ? "aborted" : codeOf(error));
        throw error;
      }
    };
}

function countSends(meter: Meter): CoreMetrics["channel"] {
  const sends = meter.counter({
    name: "nexo_outbox_sends_total",
    help: "Attempts to send a message: sent, retry or permanent (given up)",
    labels: ["channel", "result"],
  });
  return (channel) => {
    const { deliverByRows } = channel;
    return {
      ...channel,
      async send(outbound, options) {
        const result = await channel.send(outbound, options);
        sends.add(1, channel.id, result.kind);
        return result;
      },
      ...(deliverByRows === undefined ? {} : {
        deliverByRows(outbound) {
          sends.add(1, channel.id, "sent");
          return deliverByRows(outbound);
        },
      }),
    };
  };
}

function countEvents({ meter, tenantOf }: Omit<Counting, "now">): CoreMetrics["follow"] {
  const events = meter.counter({
    name: "nexo_events_total",
    help: "Events committed to the log",
    labels: ["kind"],
  });
  const calls = meter.counter({
    name: "nexo_tool_calls_total",
    help: "Tool calls, refused ones included; tools that are not offered count as _other",
    labels: ["agent", "tool", "outcome", "tenant"],
  });
  const latency = meter.histogram({
    name: "nexo_tool_latency_ms",
    help: "Time of one tool call, in milliseconds",
    labels: ["agent", "tool"],
    bounds: MILLISECONDS,
  });
  return (log) =>
    log.listen("operator", (batch) => {
      for (const { kind, account, body } of batch) {
        events.add(1, kind);
        if (kind !== "tool_called") continue;
        const { agent_id, tool, outcome, duration_ms } = JSON.parse(body) as ToolCalled;
        // What a model makes up must not become a name of ours.
        const name = outcome === "not_allowed" ? "_other" : tool;
        calls.add(1, agent_id, name, outcome, tenantOf(account));
        latency.observe(duration_ms, agent_id, name);
      }
    });
}
