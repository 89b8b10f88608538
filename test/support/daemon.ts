/**
 * A real daemon for tests: its own process, home and config, gone when the test ends.
 *
 * @module
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { connectDaemon, type DaemonClient } from "../../core/cli/client.ts";
import { homeOf } from "../../core/daemon/home.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const MAIN = join(ROOT, "dist/core/main.js");
const DENO = join(ROOT, "node_modules/deno/deno");
const READY_LIMIT_MS = 60_000;

/** A place for one daemon after another; disposing ends the last one and removes the files. */
export interface DaemonPlace extends AsyncDisposable {
  readonly home: string;
  readonly configDir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Writes a file below the config directory, `agents.yaml` for example. */
  readonly writeConfig: (file: string, text: string) => Promise<void>;
  /** Starts the daemon, with an edge (`dev`, the default) or without (`core`); resolves when it is ready. */
  readonly start: (command?: "dev" | "core") => Promise<RunningDaemon>;
  /** Starts an edge of its own process; resolves when it knows its sources. */
  readonly startEdge: (
    runtime?: "node" | "deno",
    env?: Readonly<Record<string, string>>,
  ) => Promise<RunningProcess & { readonly url: string }>;
  /** Runs the nexo command to its end. */
  readonly nexo: (...args: string[]) => Promise<CommandResult>;
  /** Everything daemons of this place wrote to standard output and error. */
  readonly output: () => string;
}

/** A daemon that is ready. */
export interface RunningDaemon extends RunningProcess {
  /** Empty without an edge. */
  readonly edgeUrl: string;
  /** Empty without an embedded broker. */
  readonly brokerUrl: string;
  readonly call: DaemonClient["call"];
}

/** A process that is ready. */
export interface RunningProcess {
  readonly pid: number;
  /** `kill -9`; resolves when the process is gone. */
  readonly kill: () => Promise<void>;
  /** SIGTERM; resolves with the exit code. */
  readonly stop: () => Promise<number | null>;
}

/** How a command ended. */
export interface CommandResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Makes a home and a copy of the shipped config. `npm run build` must have been run. */
export async function openDaemonPlace(
  { env: extra = {} }: { env?: Readonly<Record<string, string>> } = {},
): Promise<DaemonPlace> {
  const dir = await mkdtemp(join(tmpdir(), "nexo-test-"));
  const home = join(dir, "home");
  const configDir = join(dir, "config");
  await cp(join(ROOT, "config"), configDir, { recursive: true });
  const env = {
    PATH: process.env["PATH"] ?? "",
    HOME: dir,
    NEXO_HOME: home,
    NEXO_CONFIG: configDir,
    NEXO_PORT: "0",
    ...extra,
  };
  const chunks: string[] = [];
  const running = new Set<ChildProcess>();

  function spawnNexo(args: readonly string[], more: Readonly<Record<string, string>> = {}) {
    return spawn(process.execPath, [MAIN, ...args], { cwd: dir, env: { ...env, ...more } });
  }

  function spawnDeno(more: Readonly<Record<string, string>>) {
    const permissions = ["--no-prompt", "--allow-net=127.0.0.1", "--allow-env"];
    const snapshot = more["NEXO_CONFIG_SNAPSHOT"];
    if (snapshot !== undefined) permissions.push(`--allow-read=${snapshot}`);
    return spawn(DENO, ["run", ...permissions, join(ROOT, "edge/deno.ts")], {
      cwd: ROOT,
      env: { ...env, ...more },
    });
  }

  async function launch(
    child: ChildProcess,
  ): Promise<{ process: RunningProcess; said: string }> {
    running.add(child);
    const gone = once(child, "exit").then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    const said = await readiness(child, chunks);
    const process: RunningProcess = {
      pid: child.pid ?? 0,
      async kill() {
        child.kill("SIGKILL");
        await gone;
      },
      stop() {
        child.kill("SIGTERM");
        return gone;
      },
    };
    return { process, said };
  }

  return {
    home,
    configDir,
    env,
    async writeConfig(file, text) {
      const path = join(configDir, file);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, text);
    },
    output: () => chunks.join(""),
    async start(command = "dev") {
      const { process } = await launch(spawnNexo([command]));
      const client = await connectDaemon(homeOf(env));
      return {
        ...process,
        edgeUrl: client.run.edge_url ?? "",
        brokerUrl: client.run.broker_url ?? "",
        call: client.call,
      };
    },
    async startEdge(runtime = "node", more = {}) {
      const child = runtime === "node" ? spawnNexo(["edge"], more) : spawnDeno(more);
      const { process, said } = await launch(child);
      return { ...process, url: /nexo edge is ready at (\S+)/.exec(said)?.[1] ?? "" };
    },
    async nexo(...args) {
      const child = spawnNexo(args);
      let stdout = "";
      let stderr = "";
      child.stdout?.on("data", (chunk: Buffer) => (stdout += chunk.toString()));
      child.stderr?.on("data", (chunk: Buffer) => (stderr += chunk.toString()));
      const [code] = (await once(child, "close")) as [number | null];
      return { code, stdout, stderr };
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...running].map(async (child) => {
        const exited = once(child, "exit");
        child.kill("SIGKILL");
        await exited;
      }));
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Resolves with what the process has said once it says that it is ready. */
function readiness(child: ChildProcess, chunks: string[]): Promise<string> {
  return new Promise((done, fail) => {
    let seen = "";
    const timer = setTimeout(() => {
      child.kill("SIGKILL");
      fail(new Error(`the daemon was not ready in ${READY_LIMIT_MS} ms:\n${seen}`));
    }, READY_LIMIT_MS);
    const listen = (chunk: Buffer): void => {
      const text = chunk.toString();
      chunks.push(text);
      seen = (seen + text).slice(-20_000);
      if (/nexo (core |edge )?is ready.*\n/.test(seen)) {
        clearTimeout(timer);
        done(seen);
      }
    };
    child.stdout?.on("data", listen);
    child.stderr?.on("data", listen);
    child.once("exit", (code) => {
      clearTimeout(timer);
      fail(new Error(`the daemon ended with ${code}:\n${seen}`));
    });
  });
}
