/**
 * Sessions of browsers: a signed cookie that only this microapp gets, good for some hours.
 *
 * It is signed with the bearer's help, so that a new bearer ends every session.
 *
 * @module
 */
import { z } from "zod";
import type { ServerPlace } from "./place.ts";
import { isSame, readJsonPart, signature } from "./secrets.ts";

/** A session. */
export const Session = z.looseObject({
  /** Who signed in. */
  subject: z.string(),
  expires_at_ms: z.int(),
});
/** See {@linkcode Session}. */
export type Session = z.infer<typeof Session>;

/** Makes and knows sessions. */
export interface Sessions {
  /** The `Set-Cookie` value of a new session; `isSecure` when the browser speaks TLS. */
  readonly open: (
    who: { readonly subject: string; readonly ttlMs?: number | undefined },
    isSecure: boolean,
  ) => { readonly session: Session; readonly setCookie: string };
  /** The session in a `Cookie` header, while it is good. */
  readonly find: (cookies: string | undefined) => Session | undefined;
  /** The `Set-Cookie` value that ends a session in its browser. */
  readonly close: (isSecure: boolean) => string;
}

const TTL_MS = 8 * 60 * 60 * 1000;
const PURPOSE = "session";

/** Builds them. */
export function createSessions(
  { place, now, ttlMs: usualMs = TTL_MS }: {
    readonly place: Pick<ServerPlace, "token" | "microappId" | "basePath">;
    readonly now: () => number;
    readonly ttlMs?: number | undefined;
  },
): Sessions {
  // Cookies know no ports: several microapps on one host keep theirs apart.
  const name = `${place.microappId}_session`;

  function cookie(value: string, maxAgeSecs: number, isSecure: boolean): string {
    const attributes = `Path=/; Max-Age=${maxAgeSecs}; HttpOnly; SameSite=Lax`;
    return `${name}=${value}; ${attributes}${isSecure ? "; Secure" : ""}`;
  }

  return {
    open({ subject, ttlMs = usualMs }, isSecure) {
      const session = { subject, expires_at_ms: now() + ttlMs };
      const content = Buffer.from(JSON.stringify(session)).toString("base64url");
      const value = `${content}.${signature(place.token(), PURPOSE, content)}`;
      return { session, setCookie: cookie(value, Math.ceil(ttlMs / 1000), isSecure) };
    },
    find(cookies) {
      for (const pair of (cookies ?? "").split(";")) {
        const [key = "", value = ""] = pair.trim().split("=", 2);
        const [content = "", proof = ""] = value.split(".");
        if (key !== name || !isSame(proof, signature(place.token(), PURPOSE, content))) continue;
        const { data: session } = Session.safeParse(readJsonPart(content));
        if (session !== undefined && session.expires_at_ms > now()) return session;
      }
      return undefined;
    },
    close: (isSecure) => cookie("", 0, isSecure),
  };
}
