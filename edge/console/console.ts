/**
 * The operator console: a page, its files, its session, and its way to core.
 *
 * @module
 */
import type { Context, Hono } from "hono";
import type { Bus } from "../../core/bus/bus.ts";
import { type Clock, CodedError, codeOf, ERROR_CODES } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { BodyRead } from "../adapter.ts";
import { createAssetServer, type EdgeAssets } from "../assets.ts";
import { createAccess, isSameOrigin } from "../firehose/access.ts";
import type { Firehose } from "../firehose/firehose.ts";
import { forwardRpc } from "../operations.ts";
import { jsonResponse, type Problem, problemResponse, statusOf } from "../reply.ts";
import type { Refusals } from "./refusals.ts";
import { createSessions, type Session, sessionCookie, sessionTokenOf, SignIn } from "./session.ts";
import { ASSETS_PATH, renderShell } from "./shell.tsx";

/** What the console needs. */
export interface ConsoleDeps {
  readonly bus: Pick<Bus, "request">;
  readonly now: Clock;
  readonly uuid: () => string;
  readonly log: Log;
  readonly firehose: Pick<Firehose, "answerSocket" | "claimsOf">;
  readonly refusals: Pick<Refusals, "list">;
  /** The page's files; undefined where they were not built. */
  readonly assets: EdgeAssets["console"] | undefined;
  readonly readBodyOf: (c: Context) => (capBytes: number) => Promise<BodyRead>;
}

const SIGN_IN_CAP_BYTES = 16 * 1024;

/** No script, style or connection but our own; nothing inline, nothing framed. */
const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "cache-control": "no-cache",
  "content-security-policy": [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ].join("; "),
  // A microapp's page on this host that opens the console gets no hold of its window.
  "cross-origin-opener-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};

/** Adds the console's routes. */
export function mountConsole(app: Hono, deps: ConsoleDeps): void {
  const { bus, log, uuid, firehose, refusals } = deps;
  const door = createSessionDoor(deps);
  const problem = (one: Problem) => problemResponse(one, uuid());

  app.get("/console/session", (c) => door.look(c));
  app.post("/console/session", (c) => door.signIn(c));
  app.delete("/console/session", (c) => door.signOut(c));
  app.post("/console/rpc", (c) => {
    const refused = refusedAsForeign(c.req.raw);
    if (refused !== undefined) return problem(refused);
    const token = sessionTokenOf(c.req.raw);
    if (token === undefined) return problem(SIGNED_OUT);
    return forwardRpc({ bus, log }, {
      request: c.req.raw,
      authorization: `Bearer ${token}`,
      requestId: uuid(),
      readBody: deps.readBodyOf(c),
    });
  });
  app.get("/console/firehose", (c) => firehose.answerSocket(c));
  app.get("/console/refusals", async (c) => {
    const session = await door.sessionOf(c.req.raw);
    if ("status" in session) return problem(session);
    return jsonResponse(JSON.stringify({ refusals: refusals.list() }), { requestId: uuid() });
  });
  mountPage(app, deps);
}

function mountPage(app: Hono, { assets, uuid }: ConsoleDeps): void {
  if (assets === undefined) {
    const missing = () =>
      problemResponse({
        status: 503,
        code: "not_configured",
        message: "The console was not built; run npm run build, then start again",
      }, uuid());
    app.get("/console", missing);
    app.get("/console/*", missing);
    return;
  }
  const server = createAssetServer(Object.values(assets));
  const shell = renderShell(assets);
  const page = () => new Response(shell, { headers: PAGE_HEADERS });
  app.get(`${ASSETS_PATH}/:name`, (c) =>
    server.answer(c.req.param("name"), c.req.raw) ??
      problemResponse(
        { status: 404, code: "not_found", message: "There is no such file" },
        uuid(),
      ));
  app.get("/console", page);
  app.get("/console/*", page);
}

const SIGNED_OUT: Problem = {
  status: 401,
  code: "token_invalid",
  message: "Nobody is signed in here",
};

/**
 * A cookie comes along whoever makes the request, and a form of another site can sign somebody in as
 * somebody else; so whatever acts must come from our own page, in a shape that no form can have.
 */
function refusedAsForeign(request: Request): Problem | undefined {
  const { headers } = request;
  const says = headers.has("origin") || headers.has("sec-fetch-site");
  if (!says || !isSameOrigin(request)) {
    return { status: 403, code: "forbidden", message: "Only the console's own page may do this" };
  }
  const type = headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
  if (request.method === "DELETE" || type === "application/json") return undefined;
  return { status: 415, code: "unsupported_media_type", message: "Send application/json" };
}

interface SessionDoor {
  readonly look: (c: Context) => Promise<Response>;
  readonly signIn: (c: Context) => Promise<Response>;
  readonly signOut: (c: Context) => Promise<Response>;
  /** The session of a request, or why there is none. */
  readonly sessionOf: (request: Request) => Promise<Session & { jti: string } | Problem>;
}

function createSessionDoor(
  { bus, now, uuid, log, firehose, readBodyOf }: ConsoleDeps,
): SessionDoor {
  const sessions = createSessions({ bus });
  const access = createAccess({ bus });
  const problem = (one: Problem, headers?: Record<string, string>) =>
    problemResponse({ ...one, headers }, uuid());

  async function signIn(c: Context): Promise<Response> {
    const refused = refusedAsForeign(c.req.raw);
    if (refused !== undefined) return problem(refused);
    const read = await readBodyOf(c)(SIGN_IN_CAP_BYTES);
    if (read.kind !== "body") {
      return problem({ status: 400, code: "invalid_params", message: "The body did not arrive" });
    }
    const asked = SignIn.safeParse(parseJson(read.bytes));
    if (!asked.success) {
      const message = 'Send {"ticket": …} of a link, or {"token": …}';
      return problem({ status: 400, code: "invalid_params", message });
    }
    try {
      const token = "ticket" in asked.data
        ? await access.redeem(asked.data.ticket)
        : asked.data.token;
      const session = await sessions.open(token);
      const maxAgeSecs = Math.max(0, Math.floor((session.expires_at_ms - now()) / 1000));
      const cookie = sessionCookie(c.req.raw, { token: session.token, maxAgeSecs });
      log.info("console.signed_in", { subject: session.subject });
      return sayJson({ subject: session.subject, expires_at_ms: session.expires_at_ms }, {
        status: 201,
        cookie,
      });
    } catch (error) {
      return problem(problemOf(error));
    }
  }

  async function signOut(c: Context): Promise<Response> {
    const refused = refusedAsForeign(c.req.raw);
    if (refused !== undefined) return problem(refused);
    const gone = { "set-cookie": sessionCookie(c.req.raw, undefined) };
    const token = sessionTokenOf(c.req.raw);
    const session = await sessionOf(c.req.raw);
    if (token === undefined || "status" in session) return problem(SIGNED_OUT, gone);
    try {
      await sessions.end(token, session.jti);
      return sayJson({ signed_out: true }, { cookie: gone["set-cookie"] });
    } catch (error) {
      // The cookie stays until core has taken the token back, so that signing out can be tried again.
      return problem(problemOf(error));
    }
  }

  async function sessionOf(request: Request): Promise<Session & { jti: string } | Problem> {
    const token = sessionTokenOf(request);
    if (token === undefined) return SIGNED_OUT;
    try {
      const { sub, exp, jti, scope } = await firehose.claimsOf(token);
      if (!scope.includes("operator")) return SIGNED_OUT;
      return { subject: sub, expires_at_ms: exp * 1000, jti };
    } catch (error) {
      return problemOf(error);
    }
  }

  function sayJson(
    value: unknown,
    { status = 200, cookie }: { status?: number; cookie?: string | undefined } = {},
  ): Response {
    const headers = cookie === undefined ? undefined : { "set-cookie": cookie };
    return jsonResponse(JSON.stringify(value), { status, headers, requestId: uuid() });
  }

  return {
    signIn,
    signOut,
    sessionOf,
    async look(c) {
      const session = await sessionOf(c.req.raw);
      if ("status" in session) return problem(session);
      return sayJson({ subject: session.subject, expires_at_ms: session.expires_at_ms });
    },
  };
}

function problemOf(error: unknown): Problem {
  const code = codeOf(error);
  const { says, retry } = ERROR_CODES[code];
  return {
    status: statusOf(code),
    code,
    message: error instanceof CodedError ? error.message : says,
    retryAfterSecs: retry ? 5 : undefined,
  };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
