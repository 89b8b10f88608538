#!/usr/bin/env node
/**
 * The process: arguments, signals, exit code.
 *
 * @module
 */
import { readFileSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { runCli } from "./cli/program.ts";

/** The package's root is the nearest folder above with a package.json: this file runs compiled, too. */
function findPackageRoot(from: string): { root: string; version: string } {
  try {
    const { version } = JSON.parse(readFileSync(join(from, "package.json"), "utf8"));
    return { root: from, version: String(version) };
  } catch (error) {
    if (dirname(from) === from) throw error;
    return findPackageRoot(dirname(from));
  }
}

const stop = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first asks politely, the second does not.
    if (stop.signal.aborted) process.exit(130);
    stop.abort();
  });
}

// Whoever read the output has gone, as `head` does: nobody is left to say anything to.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
  stop.abort();
});

const { root, version } = findPackageRoot(dirname(realpathSync(fileURLToPath(import.meta.url))));
process.exitCode = await runCli(process.argv, {
  env: process.env,
  cwd: process.cwd(),
  packageRoot: root,
  version,
  signal: stop.signal,
});
