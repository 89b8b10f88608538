/**
 * Microapps in a sandbox beside something they must not reach, for tests.
 *
 * @module
 */
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Candidate, ExtensionEntry } from "../../../core/microapps/candidate.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import type { SandboxHelpers } from "../../../core/microapps/sandbox/helpers.ts";
import { toolPath } from "../provision.ts";

const here = dirname(fileURLToPath(import.meta.url));

/** Where the children of tests lie. */
export const CHILDREN = join(here, "../microapps");

/** The Deno that npm installed. */
export const DENO = join(here, "../../../node_modules/deno/deno");

/** What no sandboxed child may ever say. */
export const SECRET = "planted-secret-4711";

/** A machine without bubblewrap. */
export const withoutBwrap: SandboxHelpers = {
  bwrap: () => Promise.resolve({ path: null, problem: '"bwrap" is not on PATH' }),
  prlimit: () => Promise.resolve(toolPath("prlimit") ?? null),
};

/** A candidate that runs `args` with a program. */
export function sandboxed(
  id: string,
  { command, args, entry = {}, extra = "", root = CHILDREN }: {
    command: string;
    args: readonly string[];
    entry?: ExtensionEntry;
    /** More TOML. */
    extra?: string;
    root?: string;
  },
): Candidate {
  const plugin = `[plugin]\nid = "${id}"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
    `command = ${JSON.stringify(command)}\nargs = ${JSON.stringify(args)}\n${extra}`;
  const { manifest } = parseManifest({ plugin, agentVersion: "0.1.5" });
  return { id, root, manifest, entry, refusal: null };
}

/** A secret on disk and a server on loopback. Disposing removes both. */
export interface Outside extends AsyncDisposable {
  /** Arguments for the children that try to escape. */
  readonly targets: Readonly<Record<string, unknown>>;
  /** Makes the state directory of `id` with a link that leads out of it. */
  plantLink(homeDir: string, id: string): Promise<void>;
}

/** Opens what lies outside of every sandbox. */
export async function openOutside(): Promise<Outside> {
  const dir = await realpath(await mkdtemp(join(tmpdir(), "nexo-outside-")));
  const secret = join(dir, "secret.txt");
  const secretModule = join(dir, "secret.mjs");
  const sibling = join(dir, "extensions", "other", "state", "notes.txt");
  await mkdir(dirname(sibling), { recursive: true });
  await writeFile(secret, SECRET);
  await writeFile(sibling, SECRET);
  await writeFile(secretModule, `export default ${JSON.stringify(SECRET)}`);
  const server = createServer((_, response) => response.end("reached")).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    targets: { secret, secretModule, sibling, port, corePid: process.pid, link: `${dir}/none` },
    async plantLink(homeDir, id) {
      const state = join(homeDir, "extensions", id, "state");
      await mkdir(state, { recursive: true });
      await symlink(secret, join(state, "link"));
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await rm(dir, { recursive: true, force: true });
    },
  };
}
