/**
 * Where a daemon keeps its things, and how others find it.
 *
 * @module
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { nexoHome } from "../settings/secrets.ts";

/** The folders under `$NEXO_HOME`. */
export interface Home {
  readonly root: string;
  readonly state: string;
  readonly keys: string;
  readonly secrets: string;
  readonly run: string;
}

/** What a running daemon tells others on this machine. */
export const RunFile = z.object({
  pid: z.int().positive(),
  /** Its loopback address, for the command line. */
  admin_url: z.url(),
  /** The edge's address, when the same process serves one. */
  edge_url: z.url().nullable(),
  /** Where NATS clients connect, when the embedded broker runs. */
  broker_url: z.url().nullable(),
  started_at_ms: z.int(),
});
/** See {@linkcode RunFile}. */
export type RunFile = z.infer<typeof RunFile>;

/** The home of this environment: `$NEXO_HOME`, else `~/.nexo`. */
export function homeOf(env: Readonly<Record<string, string | undefined>>): Home {
  const root = nexoHome(env);
  return {
    root,
    state: join(root, "state"),
    keys: join(root, "keys"),
    secrets: join(root, "secrets"),
    run: join(root, "run"),
  };
}

/** Makes the folders, for their owner only. */
export async function makeHome(home: Home): Promise<void> {
  for (const dir of [home.root, home.state, home.keys, home.secrets, home.run]) {
    await mkdir(dir, { recursive: true, mode: 0o700 });
  }
}

const runFilePath = (home: Home): string => join(home.run, "daemon.json");

/** Tells where the daemon is; dispose it to take that back. */
export async function publishRunFile(home: Home, run: RunFile): Promise<AsyncDisposable> {
  const path = runFilePath(home);
  await writeFile(`${path}.new`, JSON.stringify(run, null, 2), { mode: 0o600 });
  await rename(`${path}.new`, path);
  return {
    async [Symbol.asyncDispose]() {
      await rm(path, { force: true });
    },
  };
}

/** Where clients of the embedded broker find what to show. */
export const brokerTokenPath = (home: Home): string => join(home.keys, "broker.token");

/** Keeps the broker's token where the operator finds it, in `keys/broker.token`. Returns the token. */
export async function publishBrokerToken(home: Home, token: string): Promise<string> {
  const path = brokerTokenPath(home);
  await writeFile(`${path}.new`, `${token}\n`, { mode: 0o600 });
  await rename(`${path}.new`, path);
  return token;
}

/** The daemon that says it runs here, if any; it may be gone. */
export async function readRunFile(home: Home): Promise<RunFile | undefined> {
  const text = await readFile(runFilePath(home), "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = RunFile.safeParse(JSON.parse(text));
  return parsed.success ? parsed.data : undefined;
}
