/**
 * Watches microapps' code, and renews the one whose code has changed.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { type Dirent, existsSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type FSWatcher, watch } from "chokidar";
import { messageOf } from "../contract/mod.ts";
import { type Debounce, openDebounce } from "../flow/debounce.ts";
import type { Log } from "../flow/log.ts";
import type { Candidate } from "../microapps/candidate.ts";
import type { Host } from "../microapps/host.ts";
import { programProblem } from "../microapps/install/source.ts";

/** What watching needs. */
export interface CodeWatchDeps {
  readonly host: Pick<Host, "renew">;
  /** Finds microapps again and applies what their manifests say; gives those there are. */
  readonly refresh: () => Promise<readonly Candidate[]>;
  readonly log: Log;
}

/** Follows code until disposed. */
export interface CodeWatch extends AsyncDisposable {
  /** Takes a new list of microapps to follow. */
  readonly follow: (candidates: readonly Candidate[]) => void;
}

/** Compilers write many files: this long after the last one it is over. */
const QUIET_MS = 150;
/** What tools write beside code. */
const IGNORED: ReadonlySet<string> = new Set([".git", ".venv", "__pycache__", "node_modules"]);
const MAX_FILES = 20_000;
/** Larger files are compared by size and time. */
const MAX_READ_BYTES = 1024 * 1024;

/** One microapp's code, and what it was when it started. */
interface Followed {
  candidate: Candidate;
  readonly watcher: FSWatcher;
  readonly debounce: Debounce;
  digest: Promise<string>;
}

/** Opens a watch that follows nothing yet. */
export function openCodeWatch({ host, refresh, log }: CodeWatchDeps): CodeWatch {
  let stopped = false;
  const followed = new Map<string, Followed>();
  const closing: PromiseLike<void>[] = [];

  function open(candidate: Candidate): Followed {
    const { root } = candidate;
    const watcher = watch(root, {
      ignoreInitial: true,
      ignored: (path) => path !== root && isIgnored(path, root),
    });
    const debounce = openDebounce({
      quietMs: QUIET_MS,
      work: () => renewIfChanged(own),
      onError: (error) => log.error("code.watch", { error: messageOf(error) }),
    });
    const own: Followed = { candidate, watcher, debounce, digest: digestOf(candidate) };
    watcher.on("all", debounce.touch);
    watcher.on("error", (error) => log.error("code.watch", { error: messageOf(error) }));
    return own;
  }

  function close(id: string, { watcher, debounce }: Followed): void {
    followed.delete(id);
    closing.push(watcher.close(), debounce[Symbol.asyncDispose]());
  }

  async function renewIfChanged(own: Followed): Promise<void> {
    const { id } = own.candidate;
    // Compilers that begin by removing what they made are not done yet.
    if (await programProblem(own.candidate) !== undefined) return;
    const before = await own.digest;
    own.digest = digestOf(own.candidate);
    if (await own.digest === before) return;
    const manifest = JSON.stringify(own.candidate.manifest);
    const now = (await refresh()).find((candidate) => candidate.id === id);
    // A manifest that says something else has restarted it already, or stopped it.
    if (now === undefined || JSON.stringify(now.manifest) !== manifest) return;
    try {
      await host.renew(id);
      log.info("microapp.renewed", { microapp: id });
    } catch (error) {
      log.error("microapp.not_renewed", { microapp: id, error: messageOf(error) });
    }
  }

  return {
    follow(candidates) {
      const next = new Map(candidates.map((candidate) => [candidate.id, candidate]));
      for (const [id, own] of followed) {
        const candidate = next.get(id);
        if (candidate?.root === own.candidate.root) own.candidate = candidate;
        else close(id, own);
      }
      if (stopped) return;
      for (const [id, candidate] of next) {
        if (!followed.has(id)) followed.set(id, open(candidate));
      }
    },
    async [Symbol.asyncDispose]() {
      stopped = true;
      for (const [id, own] of followed) close(id, own);
      await Promise.all(closing);
    },
  };
}

/** A directory that is none of the code's; a microapp put into the home by hand has its state in there. */
function isIgnored(path: string, root: string): boolean {
  return IGNORED.has(basename(path)) || path === join(root, "state");
}

/** The program's directory when it has one of its own, such as `dist`; else the whole microapp. */
function codeDir({ root, manifest: { transport } }: Candidate): string {
  if (transport.kind !== "stdio") return root;
  const words = [transport.command, ...transport.args];
  const program = words.map((word) => resolve(root, word)).find((path) =>
    path.startsWith(`${root}/`) && existsSync(path)
  );
  return program === undefined ? root : dirname(program);
}

/** What the files say, so that one that was only touched changes nothing. */
async function digestOf(candidate: Candidate): Promise<string> {
  const { root } = candidate;
  const hash = createHash("sha256");
  const manifests = ["plugin.toml", "nexo-plugin.toml"].map((name) => join(root, name));
  const files = [...await filesBelow(codeDir(candidate), root), ...manifests];
  for (const file of files) {
    hash.update(`${file}\0`);
    hash.update(await contentOf(file));
  }
  return hash.digest("hex");
}

async function filesBelow(top: string, root: string): Promise<string[]> {
  const files: string[] = [];
  const dirs = [top];
  for (let dir = dirs.shift(); dir !== undefined; dir = dirs.shift()) {
    const entries = await readdir(dir, { withFileTypes: true }).catch((): Dirent[] => []);
    for (const entry of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const path = join(dir, entry.name);
      if (isIgnored(path, root)) continue;
      if (entry.isDirectory()) dirs.push(path);
      else if (files.length < MAX_FILES) files.push(path);
    }
  }
  return files;
}

async function contentOf(file: string): Promise<string | Buffer> {
  try {
    const { size, mtimeMs } = await stat(file);
    return size > MAX_READ_BYTES ? `${size} ${mtimeMs}` : await readFile(file);
  } catch {
    return "gone"; // it went away while we looked, and says so by not being there
  }
}
