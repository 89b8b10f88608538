/**
 * Who is signed in: a cookie signed with a key of this process's home, good for twelve hours.
 *
 * @module
 */
import { createHmac, timingSafeEqual } from "node:crypto";
import type { Context } from "hono";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import { createMiddleware } from "hono/factory";
import { HTTPException } from "hono/http-exception";
import type { User, Users } from "../store/users.ts";

/** What routes know of their caller. */
export interface SignedIn {
  Variables: { user: User };
}

const COOKIE = "agent_creator";
const LIFE_SECS = 12 * 3_600;

/** Sessions of one product. */
export function createSessions(
  { users, key, now }: { users: Users; key: string; now: () => number },
) {
  const sign = (text: string): string => createHmac("sha256", key).update(text).digest("base64url");

  function idIn(cookie: string | undefined): string | undefined {
    const [id, until, mac] = cookie?.split("~") ?? [];
    if (id === undefined || until === undefined || mac === undefined) return undefined;
    const expected = Buffer.from(sign(`${id}~${until}`));
    const given = Buffer.from(mac);
    const good = expected.length === given.length && timingSafeEqual(expected, given);
    return good && Number(until) > now() ? id : undefined;
  }

  return {
    /** Signs somebody in by their code; undefined when nobody has it. */
    async signIn(c: Context, code: string): Promise<User | undefined> {
      const user = await users.byCode(code);
      if (user === undefined) return undefined;
      const claim = `${user.id}~${now() + LIFE_SECS * 1_000}`;
      setCookie(c, COOKIE, `${claim}~${sign(claim)}`, {
        httpOnly: true,
        sameSite: "Strict",
        secure: c.req.header("x-forwarded-proto") === "https",
        path: "/apps/agent-creator/",
        maxAge: LIFE_SECS,
      });
      return user;
    },
    signOut: (c: Context) => void deleteCookie(c, COOKIE, { path: "/apps/agent-creator/" }),
    /** Lets in who is signed in and was not revoked since. */
    required: createMiddleware<SignedIn>(async (c, next) => {
      const id = idIn(getCookie(c, COOKIE));
      const user = id === undefined ? undefined : await users.find(id);
      if (user === undefined) throw new HTTPException(401, { message: "Please sign in" });
      c.set("user", user);
      await next();
    }),
  };
}
/** See {@linkcode createSessions}. */
export type Sessions = ReturnType<typeof createSessions>;

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

/** The answer for what is not there, or not for this caller. */
export function notFound(): HTTPException {
  return new HTTPException(404, { message: "There is nothing here" });
}
