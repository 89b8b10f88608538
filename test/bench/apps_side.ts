/**
 * A microapp's HTTP through edge, nats-server and core, with bodies of one size.
 *
 * @module
 */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../support/free_port.ts";
import { readBody, sendBody } from "./bodies.ts";
import { peakBytesDuring } from "./memory.ts";
import { withCpu } from "./part.ts";
import type { Side, Workshop } from "./row.ts";
import { startSplit } from "./split_side.ts";

const MIB = 1024 * 1024;
/** In each direction and round, whatever size the bodies have. */
const ROUND_MIB = 100;
const READY_LIMIT_MS = 30_000;

/** Which edge, and how large one body is. */
export interface AppsOptions {
  readonly runtime: "node" | "deno";
  readonly bodyMiB: number;
}

/** Starts all of it; a round's value is the most that edge and core held together, in MB. */
export async function openAppsSide(
  workshop: Workshop,
  { runtime, bodyMiB }: AppsOptions,
): Promise<Side> {
  const split = await startSplit(workshop, {
    runtime,
    jetStream: false,
    prepare: (configDir) => addMicroapp(configDir, workshop),
  });
  const base = `http://127.0.0.1:${split.port}/apps/bodies`;
  await untilServed(base);
  const { edge, core } = split.parts;

  async function transfer(): Promise<void> {
    const length = bodyMiB * MIB;
    for (let done = 0; done < ROUND_MIB; done += bodyMiB) await sendBody(`${base}/sink`, length);
    for (let done = 0; done < ROUND_MIB; done += bodyMiB) {
      await readBody(`${base}/source?bytes=${length}`, length);
    }
  }

  return {
    async round() {
      const { result, cpuSeconds, wallSeconds } = await withCpu(
        { edge, core },
        () => peakBytesDuring([edge.pid, core.pid], transfer),
      );
      return {
        value: result / 1_000_000,
        cores: Object.fromEntries(
          Object.entries(cpuSeconds).map(([part, seconds]) => [part, seconds / wallSeconds]),
        ),
      };
    },
    [Symbol.asyncDispose]: () => split[Symbol.asyncDispose](),
  };
}

async function addMicroapp(configDir: string, workshop: Workshop): Promise<void> {
  const root = join(configDir, "bodies");
  const program = workshop.compiled(import.meta.resolve("./servers/http_microapp.ts"));
  await mkdir(root);
  await writeFile(
    join(root, "plugin.toml"),
    `[plugin]\nid = "bodies"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
      `command = ${JSON.stringify(process.execPath)}\nargs = ${JSON.stringify([program])}\n` +
      `[capabilities.http_server]\nport = ${await freePort()}\ntoken_env = "BODIES_TOKEN"\n`,
  );
  await writeFile(
    join(configDir, "extensions.yaml"),
    "extensions: { search_paths: [], entries: { bodies: { path: ./bodies } } }\n",
  );
}

async function untilServed(base: string): Promise<void> {
  const deadlineMs = performance.now() + READY_LIMIT_MS;
  for (;;) {
    const response = await fetch(`${base}/source?bytes=1`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    if (performance.now() > deadlineMs) throw new Error("Cannot measure: /apps is not served");
  }
}
