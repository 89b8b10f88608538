/**
 * Where a run happens: servers compiled as they ship, and a directory on a real disk.
 *
 * @module
 */
import { execFile } from "node:child_process";
import { rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Workshop } from "./row.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** Not the system's directory for temporary files: that one may lie in memory, where durable is free. */
const CACHE = join(ROOT, "node_modules/.cache/nexo-bench");
const COMPILED = join(CACHE, "js");

/**
 * Compiles what the rows start and opens the directory of this run, which disposing removes.
 *
 * The servers run as the product does, by plain Node on what `tsc` made: a loader for sources wraps
 * every function, and so would be measured with each request.
 */
export async function openWorkshop(
  { scale }: Pick<Workshop, "scale">,
): Promise<Workshop & AsyncDisposable> {
  await compile();
  await mkdir(join(CACHE, "runs"), { recursive: true });
  const dir = await mkdtemp(join(CACHE, "runs", "run-"));
  // Processes end with their channel to us; what they wrote would stay.
  const onInterrupt = (): never => {
    rmSync(dir, { recursive: true, force: true });
    process.exit(130);
  };
  process.once("SIGINT", onInterrupt);
  return {
    dir,
    scale,
    migrationsDir: join(ROOT, "migrations"),
    compiled: (source) => {
      const path = relative(ROOT, fileURLToPath(source));
      return join(COMPILED, path.replace(/\.ts$/, ".js"));
    },
    async [Symbol.asyncDispose]() {
      process.off("SIGINT", onInterrupt);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

/** Types are checked elsewhere. */
async function compile(): Promise<void> {
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  const project = join(ROOT, "test/bench/tsconfig.json");
  await promisify(execFile)(process.execPath, [tsc, "-p", project, "--noCheck"]);
  // Below node_modules, files belong to no package unless one says so.
  await writeFile(join(COMPILED, "package.json"), '{"type":"module"}\n');
}
