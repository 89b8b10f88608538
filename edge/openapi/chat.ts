/**
 * The web chat's paths in `/openapi.json`.
 *
 * @module
 */
import { answer, json, operation, pathParameter, problems, queryParameter } from "./parts.ts";
import { type JsonSchema, ref } from "./schemas.ts";

const OPEN: readonly JsonSchema[] = [];
const VISITOR: readonly JsonSchema[] = [{ visitorCookie: [] }];

/** Everything below `/chat`. */
export function chatPaths(): Record<string, JsonSchema> {
  const instance = pathParameter("instance", "The web chat's instance");
  const security = [{}, { visitorCookie: [] }, { bearer: [] }];
  const refusals = problems(400, 401, 403, 404, 408, 413, 422, 429, 500, 503);
  const missing = problems(404, 500, 503);
  const file = { description: "The file; gzip where the browser takes it" };
  return {
    "/chat/{instance}": {
      get: operation("chatPage", "The chat as a page of its own", {
        description: "Gives a new visitor a cookie. Framed only by pages of `allowed_origins`.",
        security: OPEN,
        parameters: [
          instance,
          queryParameter("lang", "The language of its words", { type: "string" }),
        ],
        responses: {
          200: { description: "The page", content: { "text/html": {} } },
          ...missing,
        },
      }),
    },
    "/chat/{instance}/assets/{name}": {
      get: operation("chatFile", "A script or style of the chat", {
        security: OPEN,
        parameters: [instance, pathParameter("name", "A file")],
        responses: { 200: file, ...missing },
      }),
    },
    "/chat/{instance}/widget.js": {
      get: operation("chatWidget", "The script that embeds the chat in another page", {
        security: OPEN,
        parameters: [instance],
        responses: { 200: file, ...missing },
      }),
    },
    "/chat/{instance}/embed": {
      get: operation("chatEmbed", "Whether the page that asks may embed the chat", {
        description: "Asked by the embedding script; the page is known by its `Origin`.",
        security: OPEN,
        parameters: [instance],
        responses: { 200: answer("It may", ref("ChatEmbed")), ...problems(403), ...missing },
      }),
    },
    "/chat/{instance}/ws": {
      get: operation("chatSocket", "Talk to an agent on a WebSocket", {
        description: "Every message of the page is one VisitorFrame, every message to it one " +
          "ChatFrame. Closed with 4401 when no cookie came along, 4404 when nobody answers there.",
        security: VISITOR,
        parameters: [
          instance,
          queryParameter("after", "The cursor of the last page; without it, the newest messages", {
            type: "string",
          }),
        ],
        responses: {
          101: {
            description: "The WebSocket is open",
            "x-nexo-message": ref("ChatFrame"),
            "x-nexo-sends": ref("VisitorFrame"),
          },
          ...problems(403, 404, 426, 429, 500, 503),
        },
      }),
    },
    "/chat/{instance}/files": {
      post: operation("chatUpload", "Send a file up, to be named in a message", {
        security: VISITOR,
        parameters: [
          instance,
          queryParameter("name", "What the file is called", { type: "string" }),
        ],
        requestBody: { required: true, content: { "*/*": { schema: {} } } },
        responses: { 201: answer("It is kept", ref("ChatUploaded")), ...refusals },
      }),
    },
    "/chat/{instance}/files/{file}": {
      get: operation("chatDownload", "A file of the visitor's own conversation", {
        security: VISITOR,
        parameters: [instance, pathParameter("file", "The file's id")],
        responses: { 200: file, ...refusals },
      }),
    },
    "/chat/{instance}/messages": {
      post: operation("say", "Say something to an agent", {
        description: "A visitor is known by a cookie; `contact` is for operators.",
        security,
        parameters: [instance],
        requestBody: { required: true, content: json(ref("ChatSaid")) },
        responses: { 202: answer("Accepted", ref("ChatAccepted")), ...refusals },
      }),
      get: operation("readAnswers", "Read what was answered", {
        security,
        parameters: [
          instance,
          queryParameter("after", "The cursor of the last page read", { type: "string" }),
          queryParameter("contact", "For operators: whose messages", { type: "string" }),
        ],
        responses: { 200: answer("Answers, oldest first", ref("ChatMessages")), ...refusals },
      }),
    },
  };
}
