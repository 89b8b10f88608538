/**
 * The MCP SDK's client calling a tool of one stdio server.
 *
 * @module
 */
import process from "node:process";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
import { CALL_TEXT, serveCallJobs } from "./call_loop.ts";
import { benchGone, sayReady } from "./talk.ts";

const client = new Client({ name: "bench", version: "1.0.0" });
await client.connect(
  new StdioClientTransport({
    command: process.execPath,
    args: process.argv.slice(2),
  }),
);
serveCallJobs(async () => {
  const params = { name: "echo", arguments: { text: CALL_TEXT } };
  const result = await client.callTool(params);
  const [part] = result.content as { type: string; text?: string }[];
  if (part?.type !== "text" || part.text !== CALL_TEXT) {
    throw new Error("Cannot measure: wrong answer");
  }
});
sayReady({});
await benchGone();
await client.close();
