/**
 * An edge on a real port with a real bus behind it, and a log that remembers.
 *
 * @module
 */
import { request as httpRequest } from "node:http";
import { openLocalBus } from "../../../core/bus/local.ts";
import type { Bus } from "../../../core/bus/bus.ts";
import { type Handoff, type Outcome, WebhookReceiver } from "../../../core/contract/mod.ts";
import type { EdgeConfig } from "../../../core/contract/mod.ts";
import type { Log, LogFields } from "../../../core/flow/log.ts";
import { edgeConfigOf } from "../../../core/settings/edge_config.ts";
import { type NodeEdge, type NodeEdgeOptions, startNodeEdge } from "../../../edge/node.ts";

export const SECRET = "a secret of twenty-eight byte";

export interface LogLine {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields;
}

export function memoryLog(): Log & { readonly lines: LogLine[] } {
  const lines: LogLine[] = [];
  const at = (level: string) => (event: string, fields: LogFields = {}) =>
    void lines.push({ level, event, fields });
  return { lines, debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

export type RawSource = Record<string, unknown>;

/** The configuration of a receiver whose every secret is {@linkcode SECRET} unless `secrets` says otherwise. */
export function configOf(
  sources: readonly RawSource[],
  receiver: Record<string, unknown> = {},
  secrets: Record<string, string | undefined> = {},
): EdgeConfig {
  const parsed = WebhookReceiver.parse({ enabled: true, sources, ...receiver });
  return edgeConfigOf(parsed, (name) => name in secrets ? secrets[name] : SECRET, 1);
}

export const github: RawSource = {
  id: "gh",
  path: "/webhooks/gh",
  preset: "github",
  secret_env: "GH_SECRET",
};

export interface Fixture extends AsyncDisposable {
  readonly edge: NodeEdge;
  readonly bus: Bus;
  readonly handoffs: Handoff[];
  readonly log: ReturnType<typeof memoryLog>;
  /** The time the edge sees, in milliseconds. */
  readonly clock: { nowMs: number };
}

/** What core would do: keep, and tell repetitions. */
export function keepIn(handoffs: Handoff[]): (batch: readonly Handoff[]) => Promise<Outcome[]> {
  const seen = new Set<string>();
  return (batch) =>
    Promise.resolve(batch.map((handoff) => {
      const key = `${handoff.envelope.source_id} ${handoff.dedupe_key}`;
      const { envelope_id } = handoff.envelope;
      if (seen.has(key)) return { kind: "duplicate", envelope_id };
      seen.add(key);
      handoffs.push(handoff);
      return { kind: "accepted", envelope_id };
    }));
}

export async function startEdge(
  config: EdgeConfig,
  options: Partial<NodeEdgeOptions> & {
    serve?: ((batch: readonly Handoff[]) => Promise<Outcome[]>) | null;
  } = {},
): Promise<Fixture> {
  const { serve, ...edgeOptions } = options;
  const bus = openLocalBus();
  const handoffs: Handoff[] = [];
  if (serve !== null) bus.serveDurable({}, serve ?? keepIn(handoffs));
  const log = memoryLog();
  const clock = { nowMs: Date.parse("2026-01-01T00:00:00Z") };
  const edge = await startNodeEdge({
    bus,
    config,
    port: 0,
    hostname: "127.0.0.1",
    log,
    version: "test",
    now: () => clock.nowMs,
    drainMs: 2000,
    ...edgeOptions,
  });
  return {
    edge,
    bus,
    handoffs,
    log,
    clock,
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
    },
  };
}

export interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: string;
}

/** One request on a connection of its own; header values may be lists, for repeated headers. */
export function send(
  url: string,
  { method = "POST", headers = {}, body = "" }: {
    method?: string;
    headers?: Record<string, string | string[]>;
    body?: string | Uint8Array;
  } = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => text += chunk)
        .on(
          "end",
          () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: text }),
        )
        .on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}
