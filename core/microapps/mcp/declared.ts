/**
 * MCP servers as microapps declare them, in `plugin.toml` and in a `.mcp.json` beside it.
 *
 * @module
 */
import { z } from "zod";
import { messageOf } from "../../contract/mod.ts";
import { isObject } from "../json.ts";

/** A server as a microapp declares it, in `plugin.toml` or `.mcp.json`. */
export interface DeclaredServer {
  readonly transport: "stdio" | "streamable_http" | "sse" | "auto";
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string | null;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly logLevel: string | null;
  /** Null where it says nothing. */
  readonly passesContext: boolean | null;
}

const texts = z.record(z.string(), z.string()).default({});

/** One table of `mcp_servers`; the tag may be called `transport` or `type`. */
export const McpServerToml = z.looseObject({
  transport: z.string().optional(),
  type: z.string().optional(),
  command: z.string().default(""),
  args: z.array(z.string()).default([]),
  env: texts,
  cwd: z.string().optional(),
  url: z.string().default(""),
  headers: texts,
  log_level: z.string().optional(),
  context_passthrough: z.boolean().optional(),
});
/** See {@linkcode McpServerToml}. */
export type McpServerToml = z.infer<typeof McpServerToml>;

/** Names of transports, ours and those of `.mcp.json` files found elsewhere. */
const TRANSPORTS: Readonly<Record<string, DeclaredServer["transport"]>> = {
  stdio: "stdio",
  streamable_http: "streamable_http",
  "streamable-http": "streamable_http",
  streamableHttp: "streamable_http",
  http: "streamable_http",
  sse: "sse",
  auto: "auto",
};

const namePattern = /^[a-z][a-z0-9_-]{0,31}$/;
const urlPattern = /^https?:\/\/[^\s/:]+(:\d+)?(\/\S*)?$/;

/**
 * Reads one server.
 *
 * @throws what `refuse` throws, with a name such as `McpEmptyStdioCommand`
 */
export function readServer(
  name: string,
  server: McpServerToml,
  refuse: (symbol: string, text: string) => never,
): DeclaredServer {
  if (!namePattern.test(name)) refuse("InvalidMcpServerName", `mcp_servers holds "${name}"`);
  const tag = server.transport ?? server.type ?? (server.url === "" ? "stdio" : "streamable_http");
  const transport = TRANSPORTS[tag];
  if (transport === undefined) {
    return refuse("Parse", `mcp_servers.${name}: transport "${tag}" is unknown`);
  }
  if (transport === "stdio" && server.command.trim() === "") {
    refuse("McpEmptyStdioCommand", `mcp_servers.${name}.command is empty`);
  }
  if (transport !== "stdio" && !urlPattern.test(server.url)) {
    refuse("McpInvalidHttpUrl", `mcp_servers.${name}.url "${server.url}" is no address`);
  }
  const { command, args, env, cwd, url, headers, log_level, context_passthrough } = server;
  return {
    transport,
    command,
    args,
    env,
    cwd: cwd ?? null,
    url,
    headers,
    logLevel: log_level ?? null,
    passesContext: context_passthrough ?? null,
  };
}

/** Reads a `.mcp.json`; servers that cannot be used are left out with a warning. */
export function readMcpJson(
  text: string,
  warn: (text: string) => void,
): Record<string, DeclaredServer> {
  const servers: Record<string, DeclaredServer> = {};
  let file: unknown;
  try {
    file = JSON.parse(text);
  } catch (error) {
    warn(`.mcp.json is ignored: ${messageOf(error)}`);
    return servers;
  }
  const declared = isObject(file) ? file["mcpServers"] : undefined;
  for (const [name, value] of Object.entries(isObject(declared) ? declared : {})) {
    const server = McpServerToml.safeParse(value);
    try {
      if (!server.success) throw new TypeError(server.error.issues[0]?.message ?? "wrong shape");
      // Names found elsewhere follow no rule; what is not allowed here becomes "_".
      const own = name.toLowerCase().replaceAll(/[^a-z0-9_-]/g, "_");
      servers[own] = readServer(own, server.data, (symbol, why) => {
        throw new TypeError(`${symbol}: ${why}`);
      });
    } catch (error) {
      warn(`server "${name}" of .mcp.json is left out: ${messageOf(error)}`);
    }
  }
  return servers;
}
