/**
 * The edge on Deno's own HTTP server.
 *
 * @module
 */
import { type EdgeAdapter, readRequestBody } from "./adapter.ts";
import { createEdge, type EdgeDeps } from "./app.ts";
import type { ListeningEdge } from "./remote_edge.ts";
import { chooseProtocol, listenToSocket } from "./sockets.ts";

const DRAIN_LIMIT_MS = 10_000;

const adapter: EdgeAdapter = {
  remoteAddress(env) {
    const { remoteAddr } = env as Deno.ServeHandlerInfo;
    return "hostname" in remoteAddr ? remoteAddr.hostname : null;
  },
  readBody: (request, _env, capBytes, deadline) =>
    readRequestBody(request as Request, capBytes, deadline),
  acceptSocket(request, _env, events, options = {}) {
    if (request.headers.get("upgrade")?.toLowerCase() !== "websocket") return undefined;
    const offered = (request.headers.get("sec-websocket-protocol") ?? "").split(",");
    const protocol = options.protocol === undefined
      ? chooseProtocol(offered.map((one) => one.trim()).filter((one) => one !== ""))
      : options.protocol ?? undefined;
    const { socket, response } = Deno.upgradeWebSocket(request);
    // Its `protocol` option knows a list only by ", "; clients may leave the space out.
    if (protocol !== undefined) response.headers.set("sec-websocket-protocol", protocol);
    listenToSocket(socket, events, options);
    return response;
  },
};

/** Settings of {@linkcode startDenoEdge}. */
export interface DenoEdgeOptions extends
  Pick<
    EdgeDeps,
    | "bus"
    | "now"
    | "random"
    | "log"
    | "version"
    | "visitorSecret"
    | "authorize"
    | "assets"
    | "exchanges"
  > {
  /** 0 takes any free port. */
  readonly port: number;
  readonly hostname: string;
}

/** Starts an edge on Deno's HTTP server; it is ready once it was given a configuration. */
export function startDenoEdge({ port, hostname, ...deps }: DenoEdgeOptions): ListeningEdge {
  const edge = createEdge({ ...deps, adapter });
  const server = Deno.serve(
    { port, hostname, onListen: () => undefined },
    (request, info) => edge.fetch(request, info),
  );
  return {
    url: `http://${hostname}:${server.addr.port}`,
    apply: edge.apply,
    async [Symbol.asyncDispose]() {
      const limit = setTimeout(() => Deno.exit(0), DRAIN_LIMIT_MS);
      await edge.close();
      await server.shutdown();
      clearTimeout(limit);
    },
  };
}
