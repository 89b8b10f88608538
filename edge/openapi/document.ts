/**
 * `/openapi.json`: every route of an edge, who may use it and what goes in and out.
 *
 * @module
 */
import { AgentEventKindName, FIREHOSE_PROTOCOL } from "../../core/contract/mod.ts";
import { appsPaths } from "./apps.ts";
import { chatPaths } from "./chat.ts";
import { answer, json, operation, pathParameter, problems, queryParameter } from "./parts.ts";
import { componentSchemas, type JsonSchema, ref, rpcMethods } from "./schemas.ts";

/** An OpenAPI 3.1 document. */
export interface OpenApiDocument {
  readonly openapi: "3.1.1";
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, JsonSchema>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>;
    readonly securitySchemes: Readonly<Record<string, JsonSchema>>;
  };
}

const OPEN: readonly JsonSchema[] = [];
const BEARER: readonly JsonSchema[] = [{ bearer: [] }];
const CONSOLE: readonly JsonSchema[] = [{ consoleCookie: [] }];
/** Open on the machine itself, by token elsewhere. */
const LOCAL: readonly JsonSchema[] = [{}, { bearer: [] }];
const EVENTS: readonly JsonSchema[] = [{ bearer: [] }, { ticket: [] }, { consoleCookie: [] }];

/** Builds the document; it names no source and no tenant, so anybody may read it. */
export function openApiDocument(version: string): OpenApiDocument {
  return {
    openapi: "3.1.1",
    info: {
      title: "nexo edge",
      version,
      description: "Webhooks in, live events and microapps out. Refusals are `Problem`s.",
    },
    paths: {
      ...operationsPaths(),
      ...firehosePaths(),
      ...chatPaths(),
      ...appsPaths(),
      ...consolePaths(),
    },
    components: {
      schemas: componentSchemas(),
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
        ticket: {
          type: "apiKey",
          in: "query",
          name: "token",
          description: "Good once, for a minute; from POST /session",
        },
        consoleCookie: { type: "apiKey", in: "cookie", name: "nexo_console" },
        visitorCookie: { type: "apiKey", in: "cookie", name: "nexo_visitor" },
        signature: {
          type: "apiKey",
          in: "header",
          name: "x-signature",
          description: "What the provider signs with; each source says which header and algorithm",
        },
      },
    },
  };
}

function operationsPaths(): Record<string, JsonSchema> {
  const text = { "text/plain": { schema: { type: "string" } } };
  return {
    "/webhooks/{source}": {
      post: operation("receiveWebhook", "Take a provider's event", {
        description:
          "Stands for every source: their paths are in webhook_receiver.yaml and may be " +
          "any. The answer comes once the event is on disk; a preset may ask for another one than 204.",
        security: [{ signature: [] }],
        parameters: [pathParameter("source", "The rest of the source's path")],
        requestBody: { required: true, content: { "*/*": { schema: {} } } },
        responses: {
          204: { description: "The event is kept, or was kept before" },
          ...problems(400, 401, 405, 408, 413, 422, 429, 500, 503),
        },
      }),
    },
    "/rpc": {
      post: operation("callRpc", "Call an admin method", {
        description: "JSON-RPC 2.0, one call a request, with an operator's token.",
        security: BEARER,
        requestBody: { required: true, content: json(ref("RpcRequest")) },
        responses: {
          200: answer("The result, or the method's own error", ref("RpcResponse")),
          ...problems(401, 408, 413, 500, 503),
        },
        "x-nexo-methods": rpcMethods(),
      }),
    },
    "/healthz": {
      get: operation("health", "Whether the process answers", {
        security: OPEN,
        responses: { 200: answer("It does", ref("Health")) },
      }),
    },
    "/readyz": {
      get: operation("readiness", "Whether the edge can work, part by part", {
        security: LOCAL,
        responses: {
          200: answer("Ready; what is degraded is listed", ref("Readiness")),
          503: answer("A part is down", ref("Readiness")),
          ...problems(401),
        },
      }),
    },
    "/metrics": {
      get: operation("metrics", "Prometheus text", {
        security: LOCAL,
        responses: { 200: { description: "Metrics", content: text }, ...problems(401) },
      }),
    },
    "/openapi.json": {
      get: operation("openApi", "This document", {
        security: OPEN,
        responses: { 200: answer("An OpenAPI 3.1 document", { type: "object" }) },
      }),
    },
  };
}

function firehosePaths(): Record<string, JsonSchema> {
  const since = queryParameter("since", "A cursor to resume after; 0 for everything that is kept", {
    type: "string",
  });
  const filters = ["agent_id", "account_id", "conversation"].map((name) =>
    queryParameter(name, "Only these; repeated or separated by commas", { type: "string" })
  );
  const kinds = queryParameter("kind", "Only these kinds; repeated or separated by commas", {
    type: "string",
    examples: AgentEventKindName.options.slice(0, 3),
  });
  const presence = queryParameter(
    "presence",
    "1 tells who else follows the conversations filtered by (at most 4) with presence=1, and tells them of you",
    { type: "string", enum: ["0", "1"] },
  );
  const parameters = [since, kinds, ...filters, presence];
  const refusals = problems(400, 401, 429, 500, 503);
  return {
    "/firehose": {
      get: operation("followEvents", "Follow events on a WebSocket", {
        description:
          `Offer the subprotocols "${FIREHOSE_PROTOCOL}" and "bearer.<token>" where no ` +
          "header can be set. Every message is one FirehoseFrame.",
        security: EVENTS,
        parameters,
        responses: {
          101: { description: "The WebSocket is open", "x-nexo-message": ref("FirehoseFrame") },
          ...refusals,
          ...problems(426),
        },
      }),
    },
    "/firehose/sse": {
      get: operation("followEventsSse", "Follow events as server-sent events", {
        description: "Each `data` is one FirehoseFrame; Last-Event-ID resumes.",
        security: EVENTS,
        parameters,
        responses: {
          200: {
            description: "The stream",
            content: { "text/event-stream": { schema: ref("FirehoseFrame") } },
          },
          ...refusals,
        },
      }),
    },
    "/session": {
      post: operation("createTicket", "Exchange a token for a ticket that may stand in a URL", {
        security: BEARER,
        responses: { 201: answer("Good once", ref("Ticket")), ...problems(401, 500, 503) },
      }),
    },
  };
}

function consolePaths(): Record<string, JsonSchema> {
  const page = { 200: { description: "A page", content: { "text/html": {} } }, ...problems(503) };
  const refusals = problems(400, 401, 403, 500, 503);
  return {
    "/console": { get: operation("console", "The console", { security: OPEN, responses: page }) },
    "/console/{page}": {
      get: operation("consolePage", "The console; its script reads the rest of the path", {
        security: OPEN,
        parameters: [pathParameter("page", "A page of the console")],
        responses: page,
      }),
    },
    "/console/assets/{name}": {
      get: operation("consoleFile", "A script or style of the console", {
        security: OPEN,
        parameters: [pathParameter("name", "A file")],
        responses: { 200: { description: "The file" }, ...problems(404) },
      }),
    },
    "/console/session": {
      get: operation("consoleSession", "Who is signed in", {
        security: CONSOLE,
        responses: { 200: answer("The session", ref("ConsoleSession")), ...refusals },
      }),
      post: operation("consoleSignIn", "Sign in with an operator's token", {
        security: OPEN,
        requestBody: { required: true, content: json(ref("SignIn")) },
        responses: {
          "2XX": answer("The session; its token is in a cookie", ref("ConsoleSession")),
          ...refusals,
          ...problems(408, 413),
        },
      }),
      delete: operation("consoleSignOut", "Sign out", {
        security: CONSOLE,
        responses: { "2XX": { description: "Signed out" }, ...refusals },
      }),
    },
    "/console/rpc": {
      post: operation("consoleRpc", "Call an admin method as the one signed in", {
        security: CONSOLE,
        requestBody: { required: true, content: json(ref("RpcRequest")) },
        responses: {
          200: answer("The result, or the method's own error", ref("RpcResponse")),
          ...refusals,
          ...problems(408, 413),
        },
      }),
    },
    "/console/firehose": {
      get: operation("consoleFirehose", "Follow events as the one signed in", {
        security: CONSOLE,
        responses: {
          101: { description: "The WebSocket is open", "x-nexo-message": ref("FirehoseFrame") },
          ...problems(400, 401, 426, 429, 500, 503),
        },
      }),
    },
    "/console/refusals": {
      get: operation("consoleRefusals", "The webhooks this edge refused last", {
        security: CONSOLE,
        responses: { 200: answer("Newest first", ref("Refusals")), ...refusals },
      }),
    },
  };
}
