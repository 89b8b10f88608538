/**
 * A program that hosts a child which cannot be asked to stop, tells its pid, and waits to be killed.
 *
 * @module
 */
import { childCandidate, openTestHost } from "./host.ts";

const homeDir = process.argv[2];
if (homeDir === undefined) throw new RangeError("Cannot start: the home directory is missing");
const { host } = await openTestHost([childCandidate("stubborn", "ignores_shutdown.mjs")], {
  homeDir,
});
await host.settled();
process.stdout.write(`${host.status()[0]?.pid}\n`);
