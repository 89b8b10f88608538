/**
 * Our host calling a tool of one microapp.
 *
 * @module
 */
import process from "node:process";
import { AGENT_VERSION } from "../../../core/daemon/microapps.ts";
import { openHost } from "../../../core/microapps/host.ts";
import { parseManifest } from "../../../core/microapps/manifest.ts";
import { CALL_TEXT, serveCallJobs } from "./call_loop.ts";
import { quietLog } from "./quiet.ts";
import { benchGone, sayReady } from "./talk.ts";

const [homeDir = "", child = ""] = process.argv.slice(2);
const plugin = `[plugin]\nid = "echo"\nversion = "1.0.0"\n[plugin.entrypoint]\n` +
  `command = ${JSON.stringify(process.execPath)}\nargs = [${JSON.stringify(child)}]\n`;
const { manifest } = parseManifest({ plugin, agentVersion: AGENT_VERSION });
await using host = await openHost({
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
const [tool] = host.tools();
if (tool === undefined) throw new Error("Cannot measure: the microapp has no tool");

serveCallJobs(async (number) => {
  const result = await host.callTool({
    tool,
    arguments: { text: CALL_TEXT },
    account: "acme",
    meta: {
      agent_id: "ana",
      session_id: "5b0f7a7e-6c1e-4f0a-9a53-5f5f6f0d9c11",
      nexo: {
        binding: { agent_id: "ana", channel: "webchat", account_id: "acme", tenant_id: "acme" },
        inbound: { kind: "external_user", sender_id: "visitor-1" },
        call_id: `call-${number}`,
      },
    },
  });
  if (!result.ok || result.text !== CALL_TEXT) throw new Error(`Cannot measure: ${result.text}`);
});
sayReady({});
await benchGone();
