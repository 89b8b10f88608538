/**
 * One process per directory: a lock that the operating system takes back when its holder dies.
 *
 * @module
 */
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

import { CodedError } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import { failureOf, storeError } from "./connection.ts";
import { type Database, openDatabase } from "./database.ts";

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
    const held = tryLock(path);
    if (held !== undefined) return holdLock(held, pidPath, pid);
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

/** The database whose lock is held, or undefined when another process holds it. */
function tryLock(path: string): Database | undefined {
  const db = openDatabase(path, { timeoutMs: 0 });
  try {
    db.begin("EXCLUSIVE");
    return db;
  } catch (error) {
    db[Symbol.dispose]();
    if (failureOf(error) === "busy") return undefined;
    throw storeError("start", error);
  }
}

async function holdLock(held: Database, pidPath: string, pid: number): Promise<AsyncDisposable> {
  const release = (): void => {
    held.rollback();
    held[Symbol.dispose]();
  };
  try {
    await writeFile(`${pidPath}.${pid}`, `${pid}\n`, { mode: 0o600 });
    await rename(`${pidPath}.${pid}`, pidPath);
  } catch (error) {
    release();
    throw error;
  }
  let released: Promise<void> | undefined;
  async function giveBack(): Promise<void> {
    try {
      await rm(pidPath, { force: true });
    } finally {
      release();
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
