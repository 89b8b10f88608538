/**
 * Who is signed in, and which tenant they may see.
 *
 * @module
 */
import { randomUUID } from "node:crypto";
import type { Context, MiddlewareHandler } from "hono";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import type { HttpKit } from "nexo-microapps/sdk/http";
import type { User, Users } from "../store/users.ts";

/** What routes know of their caller. */
export interface SignedIn {
  Variables: { user: User };
}

/** Lets in who has a session and was not revoked since it began. */
export function requireUser(
  { callerOf }: Pick<HttpKit, "callerOf">,
  users: Pick<Users, "find">,
): MiddlewareHandler<SignedIn> {
  return async function userOnly(c, next) {
    const caller = callerOf(c);
    const user = caller?.kind === "session" ? await users.find(caller.subject) : undefined;
    if (user === undefined) throw new HTTPException(401, { message: "Please sign in" });
    c.set("user", user);
    await next();
  };
}

/** Refuses everybody but the owner. */
export const ownerOnly = createMiddleware<SignedIn>(async (c, next) => {
  if (c.get("user").account_id !== null) throw notFound();
  await next();
});

/** The tenant of a path, when the caller may see it; another's looks like one that is not there. */
export function accountOf(c: Context<SignedIn>): string {
  const account = c.req.param("account") ?? "";
  const own = c.get("user").account_id;
  if (own !== null && own !== account) throw notFound();
  return account;
}

/** The same for each try of one act: what carries it is done once. */
export function actKeyOf(c: Context): string {
  const key = c.req.header("idempotency-key");
  return key !== undefined && /^[A-Za-z0-9_-]{16,64}$/.test(key) ? key : randomUUID();
}

/** The answer for what is not there, or not for this caller. */
export function notFound(): HTTPException {
  return new HTTPException(404, {
    message: "There is nothing here. It may have been removed; go back and choose again",
  });
}
