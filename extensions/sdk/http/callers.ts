/**
 * Who calls a microapp's server, and routes that are not for everybody.
 *
 * @module
 */
import type { Context, MiddlewareHandler } from "hono";
import type { ServerPlace } from "./place.ts";
import { type Hop, readHop } from "./hop.ts";
import { bearerOf, isSame } from "./secrets.ts";
import type { Sessions } from "./sessions.ts";

/** Who was let in, and by what. */
export type HttpCaller =
  /** A program with the microapp's bearer. */
  | { readonly kind: "bearer" }
  /** A browser that signed in here. */
  | { readonly kind: "session"; readonly subject: string }
  /** Somebody with a token of nexo, where the operator has set `access: token`. */
  | { readonly kind: "nexo"; readonly subject: string; readonly accountId: string | null };

/** What a request carries once somebody was let in. */
export interface CallerEnv {
  Variables: { caller: HttpCaller };
}

/** What knowing callers needs. */
export interface CallersDeps {
  readonly place: ServerPlace;
  readonly sessions: Sessions;
  readonly now: () => number;
}

const SAFE_METHODS: ReadonlySet<string> = new Set(["GET", "HEAD", "OPTIONS"]);

/** The caller of a request, or undefined. */
export function callerOf(
  c: Context,
  { place, sessions, now }: CallersDeps,
): HttpCaller | undefined {
  const bearer = bearerOf(c.req.header("authorization"));
  if (bearer !== undefined) {
    return isSame(bearer, place.token()) ? { kind: "bearer" } : undefined;
  }
  const hop = hopOf(c, { place, now });
  if (hop?.sub !== undefined) {
    return { kind: "nexo", subject: hop.sub, accountId: hop.account_id ?? null };
  }
  const session = sessions.find(c.req.header("cookie"));
  // A cookie comes with whatever another site makes a browser send.
  if (session === undefined || !isFromOwnPages(c)) return undefined;
  return { kind: "session", subject: session.subject };
}

/** What nexo vouches for about a request, if it came through nexo. */
export function hopOf(
  c: Context,
  { place, now }: Pick<CallersDeps, "place" | "now">,
): Hop | undefined {
  const { method, url } = c.req;
  return readHop({ header: c.req.header("x-nexo-hop"), method, url, nowMs: now() }, place);
}

/** Lets in only whom {@linkcode callerOf} knows, and tells routes behind it as `c.get("caller")`. */
export function requireCaller(deps: CallersDeps): MiddlewareHandler<CallerEnv> {
  return async function signedIn(c, next) {
    const caller = callerOf(c, deps);
    if (caller === undefined) {
      const headers = { "www-authenticate": 'Bearer realm="nexo-microapp"' };
      return c.json({ error: { code: "unauthorized", message: "Sign in first" } }, 401, headers);
    }
    c.set("caller", caller);
    return next();
  };
}

/** Whether a request that changes something was made by a page of this server. */
function isFromOwnPages(c: Context): boolean {
  if (SAFE_METHODS.has(c.req.method)) return true;
  const site = c.req.header("sec-fetch-site");
  if (site !== undefined) return site === "same-origin" || site === "none";
  const origin = c.req.header("origin");
  const host = c.req.header("x-forwarded-host") ?? c.req.header("host");
  return origin !== undefined && URL.canParse(origin) && new URL(origin).host === host;
}

/** Whether the browser speaks TLS, to nexo or to a proxy before it. */
export function isSecure(c: Context): boolean {
  return c.req.url.startsWith("https:") || c.req.header("x-forwarded-proto") === "https";
}
