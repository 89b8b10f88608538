/**
 * Microapps' HTTP in the document: whatever is below `/apps/<id>/` is the microapp's own.
 *
 * @module
 */
import { operation, pathParameter } from "./parts.ts";
import { type JsonSchema, ref } from "./schemas.ts";

const METHODS = ["get", "head", "post", "put", "patch", "delete", "options"] as const;

const ANYTHING = { "*/*": { schema: {} } };

/** What answers have in common; refusals of the edge are told by their schema. */
const RESPONSES = {
  "2XX": { description: "The microapp's answer, piece by piece", content: ANYTHING },
  "3XX": {
    description: "The microapp's answer; 308 with the slash that /apps/<id> lacks",
    content: ANYTHING,
  },
  "4XX": {
    description:
      "The microapp's answer; or a Problem of ours: 400 for a path that can be read in " +
      "several ways, 401 without the token it is to be used with, 404 where no microapp serves HTTP",
    content: ANYTHING,
    "x-nexo-problem": ref("Problem"),
  },
  "5XX": {
    description:
      "The microapp's answer; or a Problem of ours: 502 when it gives none that can be " +
      "passed on, 503 while it is not ready or has too many requests, 504 when it takes too long",
    content: ANYTHING,
    "x-nexo-problem": ref("Problem"),
  },
};

/** The paths, with every method that passes. */
export function appsPaths(): Record<string, JsonSchema> {
  const parameters = [
    pathParameter("id", "The microapp"),
    pathParameter("path", "Any path, slashes included, as the microapp's server knows it"),
  ];
  const operations = METHODS.map((method): [string, JsonSchema] => {
    const hasSocket = method === "get";
    const hasBody = method !== "get" && method !== "head";
    return [
      method,
      operation(`${method}App`, "Ask a microapp's HTTP server", {
        description:
          "Bodies stream both ways, as do server-sent events. `entries.<id>.http.access` " +
          "says whether a token of ours is needed: without it the microapp does its own sign-in." +
          (hasSocket ? " A WebSocket handshake passes, too." : ""),
        security: [{}, { bearer: [] }],
        parameters,
        ...(hasBody ? { requestBody: { content: ANYTHING } } : {}),
        responses: hasSocket
          ? { 101: { description: "The WebSocket is open" }, ...RESPONSES }
          : RESPONSES,
      }),
    ];
  });
  return { "/apps/{id}/{path}": Object.fromEntries(operations) };
}
