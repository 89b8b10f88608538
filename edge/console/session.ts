/**
 * The console's sessions: an operator's token or ticket in, a cookie out.
 *
 * The cookie holds a token of its own, made by core for this browser and good for some hours, so that
 * every edge of a deployment knows it and core can take it back.
 *
 * @module
 */
import { z } from "zod";
import type { Bus } from "../../core/bus/bus.ts";
import { CodedError, codeOf, readFrame, subjects } from "../../core/contract/mod.ts";

/** A session, as the page may know it. */
export interface Session {
  /** Who signed in. */
  readonly subject: string;
  readonly expires_at_ms: number;
}

/** A session that was just opened. */
export interface NewSession extends Session {
  readonly token: string;
}

const CORE_LIMIT_MS = 10_000;
/** Only the console's own paths get the cookie: microapps' pages on the same host never do. */
const COOKIE_PATH = "/console";

const SessionAnswer = z.object({
  token: z.string(),
  subject: z.string(),
  expires_at_ms: z.int(),
});

/** What a browser sends to sign in: the ticket of a link, or a token that somebody typed. */
export const SignIn = z.union([
  z.strictObject({ ticket: z.string().min(1).max(128) }),
  z.strictObject({ token: z.string().trim().min(1).max(8192) }),
]);

/** Opens and ends sessions; core decides. */
export interface Sessions {
  /** @throws {CodedError} `token_invalid`, or what keeps core from answering */
  readonly open: (token: string) => Promise<NewSession>;
  /** Takes the session's token back. @throws {CodedError} what keeps core from answering */
  readonly end: (token: string, jti: string) => Promise<void>;
}

/** Builds them over the bus to core. */
export function createSessions({ bus }: { bus: Pick<Bus, "request"> }): Sessions {
  async function call(token: string, method: string, params: unknown): Promise<unknown> {
    const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
    const { data } = await bus.request(subjects.admin, new TextEncoder().encode(body), {
      headers: { authorization: `Bearer ${token}` },
      timeoutMs: CORE_LIMIT_MS,
    });
    const frame = readFrame(JSON.parse(new TextDecoder().decode(data)));
    if (frame.type === "result") return frame.result;
    throw new CodedError("internal", `Cannot call "${method}": core answered with an error`);
  }
  return {
    open: async (token) =>
      SessionAnswer.parse(await call(token, "nexo/operator/console/session", {})),
    async end(token, jti) {
      try {
        await call(token, "nexo/operator/token/revoke", { jti });
      } catch (error) {
        // A token that opens nothing any more needs no taking back.
        if (codeOf(error) !== "token_invalid") throw error;
      }
    },
  };
}

/**
 * Cookies know no ports, so its name does: several daemons on one machine keep their sessions apart.
 * Over TLS the `__Secure-` prefix keeps pages without TLS from planting one.
 */
function cookieName(request: Request): string {
  const port = /:(\d+)$/.exec(request.headers.get("host") ?? "")?.[1];
  const name = port === undefined ? "nexo_console" : `nexo_console_${port}`;
  return isSecure(request) ? `__Secure-${name}` : name;
}

/** Whether the browser speaks TLS, to us or to a proxy. Who lies here only spoils their own cookie. */
function isSecure({ url, headers }: Request): boolean {
  return url.startsWith("https:") ||
    headers.get("x-forwarded-proto")?.split(",")[0]?.trim().toLowerCase() === "https";
}

/** The token in a request's session cookie. */
export function sessionTokenOf(request: Request): string | undefined {
  const name = `${cookieName(request)}=`;
  const cookies = (request.headers.get("cookie") ?? "").split(";").map((one) => one.trim());
  return cookies.find((one) => one.startsWith(name))?.slice(name.length) || undefined;
}

/** `Set-Cookie` for a session, or to end one. */
export function sessionCookie(
  request: Request,
  session: { readonly token: string; readonly maxAgeSecs: number } | undefined,
): string {
  const { token, maxAgeSecs } = session ?? { token: "", maxAgeSecs: 0 };
  const secure = isSecure(request) ? "; Secure" : "";
  const attributes = `Path=${COOKIE_PATH}; Max-Age=${maxAgeSecs}; HttpOnly; SameSite=Strict`;
  return `${cookieName(request)}=${token}; ${attributes}${secure}`;
}
