/**
 * The `nexo` command as its own file runs it; the package's root comes before its words.
 *
 * @module
 */
import process from "node:process";
import { runCli } from "../../../core/cli/program.ts";

const [packageRoot = "", ...words] = process.argv.slice(2);
const stop = new AbortController();
process.once("SIGTERM", () => stop.abort());
process.exitCode = await runCli([process.execPath, "nexo", ...words], {
  env: process.env,
  cwd: process.cwd(),
  packageRoot,
  version: "bench",
  signal: stop.signal,
});
