/**
 * One tenant of many who reads their own past.
 *
 * @module
 */
import { mkdtemp } from "node:fs/promises";
import { join } from "node:path";
import { startPart, withCpu } from "./part.ts";
import type { Side, Workshop } from "./row.ts";
import type { Past } from "./servers/record_past.ts";
import type { RecordJob, RecordReport } from "./servers/record_reads.ts";

const FILL_LIMIT_MS = 1_800_000;
const ANSWER_LIMIT_MS = 60_000;

/** Fills a database of its own, and times one read after another, of tenants drawn by lot. */
export async function openRecordSide(
  workshop: Workshop,
  { what, rows, rowsPerTenant }: {
    readonly what: "turns" | "transcripts";
    readonly rows: number;
    /** The same on both sides of a row, so that every read finds as much. */
    readonly rowsPerTenant: number;
  },
): Promise<Side> {
  const url = `file:${join(await mkdtemp(join(workshop.dir, "record-")), "core.db")}`;
  const tenants = Math.max(1, Math.round(rows / rowsPerTenant));
  const past: Past = { what, rows: tenants * rowsPerTenant, tenants };
  const program = (source: string) => workshop.compiled(import.meta.resolve(source));
  {
    // Its own process: what it did to the database in haste ends with it.
    await using filler = await startPart(program("./servers/record_past.ts"), {
      args: [url, workshop.migrationsDir],
    });
    await filler.ask(past, FILL_LIMIT_MS);
  }
  const core = await startPart(program("./servers/record_reads.ts"), {
    args: [url, workshop.migrationsDir, what, String(tenants)],
  });
  return {
    async round(durationMs) {
      const question: RecordJob = { durationMs };
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { core },
        () => core.ask<RecordReport>(question, durationMs + ANSWER_LIMIT_MS),
      );
      const { core: seconds = 0 } = cpuSeconds;
      return { value: result.p99Ms, cores: { core: seconds / wallSeconds } };
    },
    [Symbol.asyncDispose]: () => core[Symbol.asyncDispose](),
  };
}
