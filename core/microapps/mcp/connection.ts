/**
 * A conversation with one MCP server, by the official SDK.
 *
 * @module
 */
import type { Transport } from "@modelcontextprotocol/sdk/shared/transport.js";
import type { JSONRPCMessage, LoggingLevel } from "@modelcontextprotocol/sdk/types.js";
import { type CallMeta, CodedError, messageOf, RPC_CODES, RpcFault } from "../../contract/mod.ts";
import { openDeadline } from "../../flow/deadline.ts";
import { type OwnTool, readTools } from "../handshake.ts";
import { isObject, type JsonObject } from "../json.ts";
import { boundedFetch } from "./bounded_fetch.ts";
import type { HttpWire } from "./spec.ts";

/** Pages of a list of tools; a server that never ends its list is not read further. */
const MAX_PAGES = 32;
/** The capability of servers that bring what people write; its notification is named after it. */
const CHANNEL = "nexo/channel";
/** Changes of a list within this time count as one, in milliseconds. */
const CHANGES_MS = 250;

/** A server that has said what it can do. */
export interface McpConnection extends AsyncDisposable {
  /** As the server lists them now. */
  readonly tools: readonly OwnTool[];
  readonly version: string | null;
  /** Whether it says that it brings what people write. */
  readonly isChannel: boolean;
  /** Resolves with a sentence when it can be used no more. */
  readonly lost: Promise<string>;
  /**
   * Calls a tool by the server's own name for it.
   *
   * @throws {RpcFault} the server's error
   * @throws {CodedError} `microapp_timeout`, `microapp_exited` when the connection broke
   * @throws the signal's reason
   */
  readonly call: (
    request: { readonly tool: string; readonly arguments: unknown; readonly meta?: CallMeta },
    options: { readonly timeoutMs: number; readonly signal: AbortSignal | undefined },
  ) => Promise<JsonObject>;
}

/** What a conversation needs. */
export interface ConnectDeps {
  /** How to reach it; for `auto`, called again with the older form. */
  readonly open: (sdk: McpSdk, attempt: number) => Transport | undefined;
  /** From the first word to the list of tools, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
  /** Of core, for the server to know. */
  readonly version: string;
  readonly logLevel: string | null;
  readonly onTools: () => void;
  /** Hears what a channel server brings: the params of its notification. */
  readonly onMessage: (params: unknown) => void;
  /** Hears what the server's description leaves to be desired. */
  readonly warn: (text: string) => void;
}

/** The parts of the SDK that are used; loading them takes a fifth of a second. */
export type McpSdk = Awaited<ReturnType<typeof loadSdk>>;

async function loadSdk() {
  const [client, streamable, sse, types] = await Promise.all([
    import("@modelcontextprotocol/sdk/client/index.js"),
    import("@modelcontextprotocol/sdk/client/streamableHttp.js"),
    import("@modelcontextprotocol/sdk/client/sse.js"),
    import("@modelcontextprotocol/sdk/types.js"),
  ]);
  return { ...client, ...streamable, ...sse, ...types };
}

/** Tells a message from another line; throws when it is none. */
export function messageReader(
  { JSONRPCMessageSchema }: McpSdk,
): (value: unknown) => JSONRPCMessage {
  return (value) => JSONRPCMessageSchema.parse(value);
}

/** The ways to reach a server over HTTP, best first. */
export function httpTransports(
  { kind, url, headers }: HttpWire,
  maxBytes: number,
): ConnectDeps["open"] {
  const kinds = kind === "auto" ? ["streamable_http", "sse"] as const : [kind] as const;
  return function open(sdk, attempt) {
    const options = { requestInit: { headers }, fetch: boundedFetch(maxBytes) };
    const form = kinds[attempt];
    if (form === undefined) return undefined;
    return form === "sse"
      ? new sdk.SSEClientTransport(new URL(url), options)
      // Without a session id it is typed as absent here and as undefined there.
      : new sdk.StreamableHTTPClientTransport(new URL(url), options);
  };
}

/**
 * Shakes hands and lists the tools.
 *
 * @throws {CodedError} `microapp_handshake`; its cause is `microapp_timeout` when the time was over
 */
export async function connectMcp(deps: ConnectDeps): Promise<McpConnection> {
  const sdk = await loadSdk();
  using deadline = openDeadline(deps.signal, deps.timeoutMs);
  let failure: unknown = new CodedError("internal", "Cannot connect: no way to reach it");
  for (let attempt = 0;; attempt++) {
    const transport = deps.open(sdk, attempt);
    if (transport === undefined) break;
    try {
      return await shakeHands(transport, sdk, deadline.signal, deps);
    } catch (error) {
      failure = error;
      if (deadline.signal.aborted) break;
    }
  }
  if (deps.signal.aborted) throw deps.signal.reason as Error;
  const cause = deadline.signal.aborted
    ? new CodedError("microapp_timeout", `no answer in ${deps.timeoutMs} ms`)
    : failure;
  throw new CodedError("microapp_handshake", `initialize failed: ${messageOf(cause)}`, { cause });
}

async function shakeHands(
  transport: Transport,
  sdk: McpSdk,
  signal: AbortSignal,
  deps: ConnectDeps,
): Promise<McpConnection> {
  // What a server asks of its client (sampling, roots, forms) is refused: nothing is declared.
  const client = new sdk.Client({ name: "nexo", version: deps.version }, { capabilities: {} });
  const listing = { timeout: deps.timeoutMs, signal };
  let lose: (why: string) => void = () => {};
  const lost = new Promise<string>((resolve) => {
    lose = resolve;
  });
  client.onclose = () => lose("closed its connection");
  try {
    await client.connect(transport, listing);
    if (deps.logLevel !== null && client.getServerCapabilities()?.logging !== undefined) {
      await client.setLoggingLevel(deps.logLevel as LoggingLevel, listing);
    }
    let tools = await listTools(client, sdk, listing, deps.warn);
    const relist = debounced(async () => {
      const options = { timeout: deps.timeoutMs };
      tools = await listTools(client, sdk, options, deps.warn);
      deps.onTools();
    }, (error) => deps.warn(`its list of tools changed and cannot be read: ${messageOf(error)}`));
    client.setNotificationHandler(sdk.ToolListChangedNotificationSchema, relist);
    const isChannel = client.getServerCapabilities()?.experimental?.[CHANNEL] !== undefined;
    client.fallbackNotificationHandler = ({ method, params }) => {
      if (method === `notifications/${CHANNEL}`) {
        if (isChannel) deps.onMessage(params);
        else deps.warn(`it sent a person's message without the capability ${CHANNEL}`);
      }
      return Promise.resolve();
    };
    return {
      get tools() {
        return tools;
      },
      version: client.getServerVersion()?.version ?? null,
      isChannel,
      lost,
      call: (request, options) => callTool(client, sdk, lose, request, options),
      async [Symbol.asyncDispose]() {
        await client.close().catch(() => {}); // it is gone either way
      },
    };
  } catch (error) {
    await client.close().catch(() => {}); // the error tells more than how it ended
    throw error;
  }
}

type Client = InstanceType<McpSdk["Client"]>;

/** All pages of the list. The SDK's own `listTools` would compile what the server says of its results. */
async function listTools(
  client: Client,
  { ResultSchema }: McpSdk,
  options: { timeout: number; signal?: AbortSignal },
  warn: (text: string) => void,
): Promise<OwnTool[]> {
  const found: unknown[] = [];
  let cursor: unknown;
  for (let pages = 0; pages < MAX_PAGES; pages++) {
    const params = typeof cursor === "string" ? { cursor } : {};
    // The SDK never lets go of a signal it was given, so each request has one of its own.
    using page = openDeadline(options.signal, options.timeout);
    const request = { method: "tools/list", params };
    const result = await client.request(request, ResultSchema, { ...options, signal: page.signal });
    if (Array.isArray(result["tools"])) found.push(...result["tools"]);
    cursor = result["nextCursor"];
    if (cursor === undefined) return readTools(found, warn);
  }
  warn(`only the first ${MAX_PAGES} pages of tools are used`);
  return readTools(found, warn);
}

async function callTool(
  client: Client,
  sdk: McpSdk,
  lose: (why: string) => void,
  { tool, arguments: args, meta }: Parameters<McpConnection["call"]>[0],
  { timeoutMs, signal }: Parameters<McpConnection["call"]>[1],
): Promise<JsonObject> {
  using deadline = openDeadline(signal, timeoutMs);
  const params = {
    name: tool,
    arguments: isObject(args) ? args : {},
    ...(meta === undefined ? {} : { _meta: { ...meta } }),
  };
  try {
    // The deadline comes first; the SDK's own is only a net.
    return await client.request({ method: "tools/call", params }, sdk.ResultSchema, {
      signal: deadline.signal,
      timeout: timeoutMs + 1_000,
    });
  } catch (error) {
    if (signal?.aborted === true) throw signal.reason;
    if (deadline.signal.aborted) {
      throw new CodedError(
        "microapp_timeout",
        `Cannot call "${tool}": no answer in ${timeoutMs} ms`,
      );
    }
    throw translated(error, tool, sdk, lose);
  }
}

/** An error of the SDK as ours; one of the connection itself ends the connection. */
function translated(
  error: unknown,
  tool: string,
  { McpError, ErrorCode }: McpSdk,
  lose: (why: string) => void,
): Error {
  if (error instanceof McpError) {
    const code: number = error.code;
    if (code === ErrorCode.ConnectionClosed) {
      return new CodedError("microapp_exited", `Cannot call "${tool}": its server went away`, {
        cause: error,
      });
    }
    return new RpcFault(code, error.message.replace(/^MCP error -?\d+: /, ""), error.data);
  }
  if (error instanceof Error && error.name === "ZodError") {
    return new RpcFault(RPC_CODES.internal, "the answer is no MCP result");
  }
  lose(messageOf(error));
  return new CodedError("microapp_exited", `Cannot call "${tool}": ${messageOf(error)}`, {
    cause: error,
  });
}

/** Runs `work` once for all calls within a short time. */
function debounced(
  work: () => Promise<void>,
  onError: (error: unknown) => void,
): () => void {
  let timer: NodeJS.Timeout | undefined;
  return () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      work().catch(onError);
    }, CHANGES_MS);
  };
}
