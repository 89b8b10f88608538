/**
 * `--json` of the commands that go on: what a program that starts them reads.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { describe, expect, it } from "vitest";
import { type DaemonPlace, openDaemonPlace } from "../support/daemon.ts";

const MAIN = resolve(import.meta.dirname, "../../dist/core/main.js");

/** A command until it is stopped: its first line, and everything it wrote by its end. */
function start({ env }: DaemonPlace, args: readonly string[], more: Record<string, string> = {}) {
  const child = spawn(process.execPath, [MAIN, ...args], { env: { ...env, ...more } });
  const lines: string[] = [];
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const reader = createInterface(child.stdout).on("line", (line) => lines.push(line));
  const ended = once(child, "close").then(([code]) => code as number | null);
  return {
    ready: Promise.race([
      once(reader, "line").then(([line]) =>
        JSON.parse(line as string) as Record<string, string | null>
      ),
      ended.then((code) => Promise.reject(new Error(`it ended with ${code}: ${errors}`))),
    ]),
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      expect(await ended).toBe(0);
      expect(lines).toHaveLength(1);
      for (const line of errors.split("\n").filter((text) => text !== "")) {
        expect(JSON.parse(line), line).toMatchObject({ level: expect.any(String) as unknown });
      }
    },
  };
}

describe("with --json", () => {
  it("nexo dev says where it is reached in one line, and logs lines of JSON", async () => {
    await using place = await openDaemonPlace();
    await using dev = start(place, ["dev", "--json"]);
    const ready = await dev.ready;
    expect(ready).toMatchObject({ event: "ready", process: "dev", warnings: [] });
    for (const half of ["edge_url", "admin_url"]) {
      expect((await fetch(`${ready[half]}/healthz`)).status, half).toBe(200);
    }
    expect(ready["console_url"]).toContain(`${ready["edge_url"]}/console`);
    expect(ready["chat_url"]).toContain(`${ready["edge_url"]}/chat/`);
    expect(ready["broker_url"]).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
  });

  it("nexo core tells an edge where its broker is, and nexo edge where it listens", async () => {
    await using place = await openDaemonPlace();
    await place.writeConfig("broker.yaml", "broker: { type: embedded, embedded: { port: 0 } }\n");
    await using core = start(place, ["core", "--json"]);
    const ready = await core.ready;
    expect(ready).toMatchObject({ event: "ready", process: "core", edge_url: null });
    const token = await readFile(String(ready["broker_token_file"]), "utf8");
    const url = String(ready["broker_url"]).replace("://", `://${token.trim()}@`);
    await using edge = start(place, ["edge", "--json"], { NEXO_NATS_URL: url });
    const { event, process: half, edge_url: edgeUrl } = await edge.ready;
    expect([event, half]).toEqual(["ready", "edge"]);
    expect((await fetch(`${edgeUrl}/readyz`)).status).toBe(200);

    // The option of `edge config` is its own.
    const file = join(place.home, "edge.json");
    const written = await place.nexo(
      "edge",
      "config",
      "--out",
      file,
      "--without-secrets",
      "--json",
    );
    expect(JSON.parse(written.stdout)).toMatchObject({ file, sealed: false });
  });
});
