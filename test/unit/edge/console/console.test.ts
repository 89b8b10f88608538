import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { CodedError, subjects, type TokenClaims } from "../../../../core/contract/mod.ts";
import { mountConsole } from "../../../../edge/console/console.ts";
import { createRefusals } from "../../../../edge/console/refusals.ts";
import { memoryLog } from "../support.ts";

const ORIGIN = "https://edge.example";
const JSON_HEADERS = { "content-type": "application/json", host: "edge.example", origin: ORIGIN };
const CLAIMS: TokenClaims = { sub: "kim", scope: ["operator"], caps: [], exp: 2_000, jti: "j-1" };

/** A console whose core takes the token "good" and the ticket "once". */
function openConsole() {
  const calls: { method: string; authorization: string | undefined }[] = [];
  const tickets = new Map([["once", "good"]]);
  const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
  const app = new Hono();
  mountConsole(app, {
    bus: {
      request(subject, data, { headers } = {}) {
        const body = JSON.parse(new TextDecoder().decode(data)) as {
          method: string;
          ticket: string;
        };
        const answer = (value: unknown) =>
          Promise.resolve({ subject, data: encode(value), headers: {} });
        if (subject === subjects.ticket) {
          const token = tickets.get(body.ticket);
          tickets.delete(body.ticket);
          if (token !== undefined) return answer({ token });
          return Promise.reject(new CodedError("token_invalid", "Cannot take the ticket"));
        }
        const authorization = headers?.["authorization"];
        calls.push({ method: body.method, authorization });
        if (authorization !== "Bearer good" && authorization !== "Bearer session") {
          return Promise.reject(new CodedError("token_invalid", "Cannot call"));
        }
        const result = { token: "session", subject: "kim", expires_at_ms: 2_000_000, jti: "j-1" };
        return answer({ jsonrpc: "2.0", id: 1, result });
      },
    },
    now: () => 1_000_000,
    uuid: () => "id",
    log: memoryLog(),
    firehose: {
      answerSocket: () => new Response("socket"),
      claimsOf: (token) =>
        token === "session"
          ? Promise.resolve(CLAIMS)
          : Promise.reject(new CodedError("token_invalid", "Cannot accept the token")),
    },
    refusals: createRefusals(),
    assets: undefined,
    readBodyOf: (c) => async () => ({
      kind: "body",
      bytes: new Uint8Array(await c.req.raw.arrayBuffer()),
    }),
  });
  const send = (
    method: string,
    path: string,
    headers: Record<string, string>,
    body?: unknown,
  ) =>
    app.request(`${ORIGIN}/console/${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
  return { send, calls };
}

describe("the console's session", () => {
  it("K7: is opened by a ticket once, in a cookie that scripts, other sites and other paths never see", async () => {
    const { send } = openConsole();
    const opened = await send("POST", "session", JSON_HEADERS, { ticket: "once" });
    expect(opened.status).toBe(201);
    expect(await opened.json()).toEqual({ subject: "kim", expires_at_ms: 2_000_000 });
    expect(opened.headers.get("set-cookie")).toBe(
      "__Secure-nexo_console=session; Path=/console; Max-Age=1000; HttpOnly; SameSite=Strict; Secure",
    );
    expect(opened.headers.get("cache-control")).toBe("no-store");
    const again = await send("POST", "session", JSON_HEADERS, { ticket: "once" });
    expect(again.status).toBe(401);
    expect(again.headers.get("set-cookie")).toBeNull();
  });

  it.each([
    ["another site", { ...JSON_HEADERS, origin: "https://evil.example" }, 403],
    ["another port", { ...JSON_HEADERS, origin: "https://edge.example:444" }, 403],
    ["a sandboxed frame", { ...JSON_HEADERS, origin: "null" }, 403],
    [
      "nobody who says where from",
      { "content-type": "application/json", host: "edge.example" },
      403,
    ],
    ["a form", { ...JSON_HEADERS, "content-type": "text/plain" }, 415],
  ])("takes no acts from %s", async (_, headers, status) => {
    const { send, calls } = openConsole();
    const cookie = "__Secure-nexo_console=session";
    const all = { ...headers, cookie };
    expect((await send("POST", "session", all, { token: "good" })).status).toBe(status);
    expect((await send("POST", "rpc", all, { method: "nexo/operator/status" })).status).toBe(
      status,
    );
    if (status === 403) expect((await send("DELETE", "session", all)).status).toBe(status);
    expect(calls).toEqual([]);
  });

  it("calls core with the session's own token, whatever else the request carries", async () => {
    const { send, calls } = openConsole();
    const headers = {
      ...JSON_HEADERS,
      cookie: "other=1; __Secure-nexo_console=session",
      authorization: "Bearer mine",
    };
    const answer = await send("POST", "rpc", headers, { method: "nexo/operator/status" });
    expect(answer.status).toBe(200);
    expect(calls).toEqual([{ method: "nexo/operator/status", authorization: "Bearer session" }]);
    expect((await send("POST", "rpc", JSON_HEADERS, {})).status).toBe(401);
  });

  it("ends in core before its cookie goes", async () => {
    const { send, calls } = openConsole();
    const headers = { ...JSON_HEADERS, cookie: "__Secure-nexo_console=session" };
    const ended = await send("DELETE", "session", headers);
    expect(ended.status).toBe(200);
    expect(ended.headers.get("set-cookie")).toContain("Max-Age=0");
    expect(calls.map(({ method }) => method)).toEqual(["nexo/operator/token/revoke"]);
  });

  it("shows refusals to nobody but who is signed in, and says when the page was not built", async () => {
    const { send } = openConsole();
    expect((await send("GET", "refusals", {})).status).toBe(401);
    expect((await send("GET", "live", {})).status).toBe(503);
  });
});
