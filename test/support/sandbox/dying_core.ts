/**
 * A program that hosts microapps with descendants, says when they run, and waits to be killed.
 *
 * @module
 */
import { callTool, openTestHost } from "../microapps/host.ts";
import { sandboxed, withoutBwrap } from "./place.ts";

const [instance, level] = process.argv.slice(2);
if (instance === undefined) throw new RangeError("Cannot start: the instance is missing");
const start = (id: string, deed: string) =>
  sandboxed(id, {
    command: "node",
    args: ["hostile.mjs", deed, "ignores-sigterm", "ignores-stdin"],
    entry: { sandbox: level === "permissions" ? "auto" : level === "none" ? "none" : "bwrap" },
  });
// Permissions let it start nothing.
const deeds = level === "permissions" ? ["rests", "rests"] : ["forksSome", "leavesItsGroup"];
const app = await openTestHost(
  deeds.map((deed, n) => start(`child-${n}`, deed)),
  level === "permissions" ? { instance, helpers: withoutBwrap } : { instance },
);
await app.host.settled();
for (const { id } of app.host.status()) await callTool(app, id, "bad");
process.stdout.write(`${app.host.status().map(({ sandbox }) => sandbox).join()} ${app.homeDir}\n`);
