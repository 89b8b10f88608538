/**
 * Starting a module of ours on a thread of its own.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";

/**
 * Starts `file`, a module beside the caller, whose `import.meta.url` is `caller`.
 *
 * Compiled code runs as it is; sources are joined into one module before.
 */
export function startThread(caller: string, file: string, workerData: unknown): Worker {
  const isCompiled = !caller.endsWith(".ts");
  const module = isCompiled ? new URL(`./${file}.js`, caller) : bundled(caller, file);
  return new Worker(module, { workerData });
}

const bundles = new Map<string, string>();

/**
 * The module of sources, made once in a process. Node 20 reads no TypeScript, and a loader for it costs
 * a thread five times what it does itself, in each of the thousands that tests start.
 */
function bundled(caller: string, file: string): string {
  const known = bundles.get(file);
  if (known !== undefined) return known;
  const { buildSync } = createRequire(import.meta.url)("esbuild") as typeof import("esbuild");
  const { outputFiles: [output] } = buildSync({
    entryPoints: [fileURLToPath(new URL(`./${file}.ts`, caller))],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    write: false,
    logLevel: "silent",
  });
  const code = output?.contents ?? new Uint8Array();
  const hash = createHash("sha256").update(code).digest("hex").slice(0, 16);
  const dir = fileURLToPath(new URL("../../node_modules/.cache/nexo-threads", import.meta.url));
  const path = join(dir, `${file}-${hash}.mjs`);
  if (!existsSync(path)) {
    mkdirSync(dir, { recursive: true });
    // Other processes may make the same: each is whole when it gets its name.
    const part = join(dir, `${file}-${process.pid}.part`);
    writeFileSync(part, code);
    renameSync(part, path);
  }
  bundles.set(file, path);
  return path;
}
