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

/** How a side's rate is taken. */
export type Rate = "per second" | "per CPU-second";

const CONNECTIONS = 128;
/** A bound for each round, far above what any server here answers. */
const MAX_REQUESTS = 1_000_000;
const ANSWER_LIMIT_MS = 60_000;

/** Starts a server process and a load process for it. */
export async function openHttpSide(
  workshop: Workshop,
  { server, args, env, rate }: {
    /** Source of the server, as a URL. */
    server: string;
    args?: readonly string[];
    env?: Record<string, string>;
    rate: Rate;
  },
): Promise<Side> {
  const serving = await startPart<Listening>(workshop.compiled(server), {
    ...(args === undefined ? {} : { args }),
    ...(env === undefined ? {} : { env }),
  });
  const load = await startPart(workshop.compiled(import.meta.resolve("./load/http_load.ts")));
  const { port } = serving.ready;

  async function round(durationMs: number): Promise<Sample> {
    const job: HttpJob = {
      port,
      connections: CONNECTIONS,
      durationMs,
      maxRequests: MAX_REQUESTS,
      request: signedRequest(`127.0.0.1:${port}`, Date.now()),
      idMark: ID_MARK,
    };
    const { result, cpuSeconds, wallSeconds } = await withCpu(
      { server: serving, load },
      () => load.ask<HttpReport>(job, durationMs + ANSWER_LIMIT_MS),
    );
    const { server: serverSeconds = 0, load: loadSeconds = 0 } = cpuSeconds;
    return {
      value: rate === "per second"
        ? result.inTime / (result.durationMs / 1000)
        : result.answers / serverSeconds,
      cores: { server: serverSeconds / wallSeconds, load: loadSeconds / wallSeconds },
    };
  }
  return {
    round,
    async [Symbol.asyncDispose]() {
      await load[Symbol.asyncDispose]();
      await serving[Symbol.asyncDispose]();
    },
  };
}
