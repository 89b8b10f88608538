/**
 * A server of live events and its many clients.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import type { FirehoseJob, FirehoseReport } from "./load/firehose_load.ts";
import { startPart, withCpu } from "./part.ts";
import type { Side, Workshop } from "./row.ts";
import type { FirehoseReady, MemoryQuestion, MemoryReport } from "./servers/firehose_job.ts";

/** How a side's value is taken. */
export type FirehoseMeasure = "deliveries per CPU-second" | "bytes per idle client";

const CLIENTS = { "deliveries per CPU-second": 1_000, "bytes per idle client": 10_000 } as const;
const ANSWER_LIMIT_MS = 120_000;

/** Our firehose; its clients have a token. */
export async function openFirehoseSide(
  workshop: Workshop,
  measure: FirehoseMeasure,
): Promise<Side> {
  const dir = await mkdtemp(join(workshop.dir, "firehose-"));
  const server = import.meta.resolve("./servers/firehose.ts");
  return openFanOutSide(workshop, { server, args: [dir, workshop.migrationsDir], measure });
}

/** Starts a server and a process of clients for it. `server` is its source, as a URL. */
export async function openFanOutSide(
  workshop: Workshop,
  { server, args = [], measure }: {
    server: string;
    args?: readonly string[];
    measure: FirehoseMeasure;
  },
): Promise<Side> {
  const serving = await startPart<FirehoseReady>(workshop.compiled(server), {
    args,
    execArgv: ["--expose-gc"],
  });
  const load = await startPart(workshop.compiled(import.meta.resolve("./load/firehose_load.ts")));
  const clients = CLIENTS[measure];
  const follow = (durationMs: number): Promise<FirehoseReport> => {
    const job: FirehoseJob = { ...serving.ready, clients, durationMs };
    return load.ask<FirehoseReport>(job, durationMs + ANSWER_LIMIT_MS);
  };
  const memory = async (): Promise<number> => {
    const question: MemoryQuestion = { kind: "memory" };
    return (await serving.ask<MemoryReport>(question, ANSWER_LIMIT_MS)).rssBytes;
  };
  const before = await memory();
  await follow(0);

  return {
    async round(durationMs) {
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { server: serving, load },
        async (): Promise<FirehoseReport | number> =>
          measure === "bytes per idle client" ? memory() : follow(durationMs),
      );
      const { server: seconds = 0 } = cpuSeconds;
      return {
        value: typeof result === "number"
          ? (result - before) / clients
          : result.deliveries / seconds,
        cores: Object.fromEntries(
          Object.entries(cpuSeconds).map(([part, busy]) => [part, busy / wallSeconds]),
        ),
      };
    },
    async [Symbol.asyncDispose]() {
      await load[Symbol.asyncDispose]();
      await serving[Symbol.asyncDispose]();
    },
  };
}
