/**
 * One process per directory: a lock that the operating system takes back when its holder dies.
 *
 * @module
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { createClient, type Transaction } from "@libsql/client/sqlite3";

import { CodedError } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import { abandon, beginWrite, failureOf, storeError } from "./connection.ts";

/** A holder that has just begun or ended may not have said so yet. */
const ATTEMPTS = 25;
const PAUSE_MS = 20;

/**
 * Holds `path`, a file for this purpose alone, until it is disposed or the process ends, `kill -9`
 * included. The holder's `pid` stands in `<path>.pid` for people; nobody is ever killed by it.
 *
 * The lock is an open transaction on a database of its own. No code of this process may open `path`
 * by other means: on POSIX, closing any descriptor of a file gives up all of the process's locks.
 *
 * @throws {CodedError} `daemon_running` when another process holds it
 */
export async function openInstanceLock(
  { path, pid }: { path: string; pid: number },
): Promise<AsyncDisposable> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const pidPath = `${path}.pid`;
  for (let attempt = 1;; attempt++) {
    const release = await tryLock(path);
    if (release !== undefined) return holdLock(release, pidPath, pid);
    const holder = await readPid(pidPath);
    const known = holder !== undefined && isAlive(holder);
    if (known || attempt === ATTEMPTS) {
      throw new CodedError(
        "daemon_running",
        `Cannot start: process ${known ? holder : "of unknown number"} holds "${dirname(path)}"`,
      );
    }
    await delay(PAUSE_MS);
  }
}

type Release = () => Promise<void>;

async function tryLock(path: string): Promise<Release | undefined> {
  const client = createClient({ url: `file:${path}`, concurrency: 1, timeout: 0 });
  let tx: Transaction;
  try {
    tx = await beginWrite(client, "EXCLUSIVE");
  } catch (error) {
    client.close();
    if (failureOf(error) === "busy") return undefined;
    throw storeError("start", error);
  }
  return async () => {
    // Closing alone would keep the lock until the statements are garbage.
    await abandon(tx);
    client.close();
  };
}

async function holdLock(release: Release, pidPath: string, pid: number): Promise<AsyncDisposable> {
  try {
    await writeFile(`${pidPath}.${pid}`, `${pid}\n`, { mode: 0o600 });
    await rename(`${pidPath}.${pid}`, pidPath);
  } catch (error) {
    await release();
    throw error;
  }
  let released: Promise<void> | undefined;
  async function giveBack(): Promise<void> {
    try {
      await rm(pidPath, { force: true });
    } finally {
      await release();
    }
  }
  return {
    [Symbol.asyncDispose]() {
      released ??= giveBack();
      return released;
    },
  };
}

async function readPid(path: string): Promise<number | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  return /^\d+\n$/.test(text) ? Number(text) : undefined;
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "EPERM";
  }
}
