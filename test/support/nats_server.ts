/**
 * A real nats-server on free ports, for one test or one file of them.
 *
 * @module
 */
import { type ChildProcess, type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { freePort } from "./free_port.ts";
import { toolPath } from "./provision.ts";

/** Who may connect. */
export type NatsServerAuth =
  | { readonly token: string }
  | { readonly user: string; readonly pass: string }
  /** The public half of a user's nkey, `U…`. */
  | { readonly nkey: string }
  /** Users whose JWT one account signed, as a creds file brings it. */
  | { readonly operatorJwt: string; readonly accountId: string; readonly accountJwt: string };

/** Settings of {@linkcode startNatsServer}. */
export interface NatsServerOptions {
  readonly jetStream?: boolean | undefined;
  readonly auth?: NatsServerAuth | undefined;
  readonly maxPayloadBytes?: number | undefined;
  /** Where its own directory is made. @default {os.tmpdir()} */
  readonly parentDir?: string | undefined;
}

/** A server of our own; disposing ends it and removes its files. */
export interface NatsServer extends AsyncDisposable {
  /** Of its WebSocket port; the same after every restart. */
  readonly url: string;
  /** Of the process that runs now. */
  readonly pid: () => number;
  /** Ends it as a crash would, and resolves when it is gone. */
  kill(): Promise<void>;
  /** Starts it again on the same port with the same files, and perhaps for others. */
  start(changes?: Pick<NatsServerOptions, "auth">): Promise<void>;
}

/** Whether there is a nats-server to start; a suite that needs one says loudly when not. */
export const hasNatsServer = (): boolean => toolPath("nats-server") !== undefined;

/** Starts a server and resolves when it takes connections. */
export async function startNatsServer(options: NatsServerOptions = {}): Promise<NatsServer> {
  const dir = await mkdtemp(join(options.parentDir ?? tmpdir(), "nexo-nats-"));
  const port = await freePort();
  let child: ChildProcess | undefined;
  let { auth } = options;

  async function start(): Promise<void> {
    const config = join(dir, "server.conf");
    await writeFile(config, configText({ ...options, auth }, dir, port));
    const started = spawn(toolPath("nats-server") ?? "nats-server", ["-c", config], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    child = started;
    // A test that times out disposes of nothing.
    const stop = (): void => void started.kill("SIGKILL");
    process.once("exit", stop);
    started.once("exit", () => process.off("exit", stop));
    await ready(started);
  }

  async function kill(): Promise<void> {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  await start();
  return {
    url: `ws://127.0.0.1:${port}`,
    pid: () => child?.pid ?? 0,
    kill,
    async start(changes = {}) {
      if ("auth" in changes) auth = changes.auth;
      await start();
    },
    async [Symbol.asyncDispose]() {
      await kill();
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function configText(
  { jetStream = false, auth, maxPayloadBytes }: NatsServerOptions,
  dir: string,
  port: number,
): string {
  return [
    'listen: "127.0.0.1:-1"',
    `websocket { host: "127.0.0.1", port: ${port}, no_tls: true }`,
    jetStream ? `jetstream { store_dir: "${join(dir, "store")}" }` : "",
    auth === undefined ? "" : authText(auth),
    maxPayloadBytes === undefined ? "" : `max_payload: ${maxPayloadBytes}`,
  ].join("\n");
}

function authText(auth: NatsServerAuth): string {
  if ("token" in auth) return `authorization { token: "${auth.token}" }`;
  if ("nkey" in auth) return `authorization { users: [ { nkey: ${auth.nkey} } ] }`;
  if ("operatorJwt" in auth) {
    const { operatorJwt, accountId, accountJwt } = auth;
    const preload = `resolver_preload: { ${accountId}: "${accountJwt}" }`;
    return `operator: "${operatorJwt}"\nresolver: MEMORY\n${preload}`;
  }
  return `authorization { user: "${auth.user}", password: "${auth.pass}" }`;
}

/** Resolves when its log says that it takes connections. */
function ready(child: ChildProcessByStdio<null, null, Readable>): Promise<void> {
  const log: string[] = [];
  return new Promise((resolve, reject) => {
    createInterface({ input: child.stderr }).on("line", (line) => {
      // The log goes on for as long as the server runs; only its beginning explains a failure.
      if (log.length < 200) log.push(line);
      if (line.includes("Server is ready")) resolve();
    });
    child.once("error", reject);
    child.once("exit", () => reject(new Error(`nats-server ended:\n${log.join("\n")}`)));
  });
}
