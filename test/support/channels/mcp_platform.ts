/**
 * The platform behind an MCP server that is a channel: people who write, and what they are sent.
 *
 * @module
 */
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { openHttpPeer } from "./http_peer.ts";

const SERVER = fileURLToPath(new URL("../microapps/mcp_channel.mjs", import.meta.url));

/** How the server answers a send. */
export type McpRefusal = "busy" | "permanent" | "silent";

/** A running platform. */
export interface McpPlatform extends AsyncDisposable {
  /** How the server is written in `mcp.yaml`. */
  readonly server: Readonly<Record<string, unknown>>;
  /** Has the server pass on a notification's params. */
  readonly say: (params: unknown) => void;
  /** Arguments of the tool, as they came. */
  readonly sent: Readonly<Record<string, string>>[];
  /** The same of sends that were refused. */
  readonly refused: Readonly<Record<string, string>>[];
  readonly refuse: (how: McpRefusal | undefined) => void;
  /** Calls `look` now and after each send until it gives something. */
  readonly eventually: <T>(look: () => T | undefined) => Promise<T>;
}

/** Starts the platform; its server is started by whoever reads the config. */
export async function openMcpPlatform(
  env: Readonly<Record<string, string>> = {},
): Promise<McpPlatform> {
  const said: unknown[] = [];
  const sent: Record<string, string>[] = [];
  const refused: Record<string, string>[] = [];
  const waiting = new Set<() => void>();
  let refusal: McpRefusal | undefined;
  const wake = (): void => {
    for (const each of waiting) each();
  };
  async function eventually<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look();
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        const stop = (): void => {
          waiting.delete(stop);
          resolve();
        };
        waiting.add(stop);
      });
    }
  }
  const peer = await openHttpPeer(async ({ path, body }) => {
    if (path === "/next") return { body: await eventually(() => said.shift()) };
    (refusal === undefined ? sent : refused).push(JSON.parse(body) as Record<string, string>);
    wake();
    return { body: refusal ?? "sent" };
  });
  return {
    server: {
      transport: "stdio",
      command: process.execPath,
      args: [SERVER],
      cwd: tmpdir(),
      env: { PLATFORM: peer.url, ...env },
      call_timeout: "3s",
    },
    say(params) {
      said.push(params);
      wake();
    },
    sent,
    refused,
    refuse: (how) => void (refusal = how),
    eventually,
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}
