/**
 * A server under a stream of webhooks.
 *
 * @module
 */
import type { HttpJob, HttpReport } from "./load/http_load.ts";
import { startPart, withCpu } from "./part.ts";
import type { Sample, Side, Workshop } from "./row.ts";
import { ID_MARK, signedRequest } from "./webhook.ts";

/** What a server says when it listens. */
export interface Listening {
  readonly port: number;
}

/** How a side's value is taken. */
export type Measure = "per second" | "per CPU-second" | "milliseconds for one";

/** Processes that serve webhooks together on one port; disposing ends them. */
export interface Served extends AsyncDisposable {
  readonly port: number;
  /** By the part each plays. */
  readonly parts: Readonly<Record<string, { readonly pid: number }>>;
}

const CONNECTIONS = 128;
/** A bound for each round, far above what any server here answers. */
const MAX_REQUESTS = 1_000_000;
const ANSWER_LIMIT_MS = 60_000;

/** Starts a server process and a load process for it. */
export async function openHttpSide(
  workshop: Workshop,
  { server, measure, ...options }: {
    /** Source of the server, as a URL. */
    server: string;
    args?: readonly string[];
    env?: Record<string, string>;
    measure: Measure;
  },
): Promise<Side> {
  const part = await startPart<Listening>(workshop.compiled(server), options);
  return loadHttp(workshop, {
    port: part.ready.port,
    parts: { server: part },
    [Symbol.asyncDispose]: () => part[Symbol.asyncDispose](),
  }, measure);
}

/** Starts a load process for what is served, which ends with the side. */
export async function loadHttp(
  workshop: Workshop,
  served: Served,
  measure: Measure,
): Promise<Side> {
  const load = await startPart(workshop.compiled(import.meta.resolve("./load/http_load.ts")));
  const { port, parts } = served;

  async function round(durationMs: number): Promise<Sample> {
    const job: HttpJob = {
      port,
      connections: measure === "milliseconds for one" ? 1 : CONNECTIONS,
      durationMs,
      maxRequests: MAX_REQUESTS,
      request: signedRequest(`127.0.0.1:${port}`, Date.now()),
      idMark: ID_MARK,
    };
    const { result, cpuSeconds, wallSeconds } = await withCpu(
      { ...parts, load },
      () => load.ask<HttpReport>(job, durationMs + ANSWER_LIMIT_MS),
    );
    const { load: _load, ...serving } = cpuSeconds;
    const values: Record<Measure, () => number> = {
      "per second": () => result.inTime / (result.durationMs / 1000),
      "per CPU-second": () => result.answers / sumOf(Object.values(serving)),
      "milliseconds for one": () => result.medianMs,
    };
    return {
      value: values[measure](),
      cores: Object.fromEntries(
        Object.entries(cpuSeconds).map(([part, seconds]) => [part, seconds / wallSeconds]),
      ),
    };
  }
  return {
    round,
    async [Symbol.asyncDispose]() {
      await load[Symbol.asyncDispose]();
      await served[Symbol.asyncDispose]();
    },
  };
}

const sumOf = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0);
