/**
 * Our host calling a tool of one microapp.
 *
 * @module
 */
import process from "node:process";
import { CALL_TEXT, serveCallJobs } from "./call_loop.ts";
import { openHostOf } from "./host_of.ts";
import { benchGone, sayReady } from "./talk.ts";

const [homeDir = "", child = ""] = process.argv.slice(2);
await using host = await openHostOf(child, homeDir);
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
