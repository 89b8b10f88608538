/**
 * Our host with one microapp.
 *
 * @module
 */
import process from "node:process";
import { AGENT_VERSION } from "../../../core/daemon/microapps.ts";
import { type Host, openHost } from "../../../core/microapps/host.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { quietLog } from "./quiet.ts";

/** Starts the compiled file `child` as microapp `echo` and waits until it is ready. */
export async function openHostOf(child: string, homeDir: string): Promise<Host> {
  const plugin = `[plugin]\nid = "echo"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
    `command = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(child)}]\n`;
  const { manifest } = parseManifest({ plugin, agentVersion: AGENT_VERSION });
  const host = await openHost({
    candidates: [{ id: "echo", root: homeDir, manifest, entry: {}, refusal: null }],
    homeDir,
    env: process.env,
    agentVersion: AGENT_VERSION,
    now: Date.now,
    logFor: () => quietLog,
    onRequest: () => Promise.reject(new Error("nobody asks")),
    onState: () => undefined,
  });
  await host.settled();
  if (host.tools().length === 0) throw new Error("Cannot measure: the microapp has no tool");
  return host;
}
