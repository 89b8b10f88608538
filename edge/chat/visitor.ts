/**
 * Who a visitor is: a random id in a cookie that only this deployment can write.
 *
 * @module
 */
import type { Random } from "../../core/contract/mod.ts";
import { decodeHex, encodeHex, equalBytes } from "../../core/signing/bytes.ts";
import { createMac } from "../../core/signing/mac.ts";

/** Name of the cookie; its path is the chat of one instance. */
export const VISITOR_COOKIE = "nexo_visitor";

const ONE_YEAR_SECS = 365 * 24 * 3600;

/** Makes visitors and knows them again. */
export interface Visitors {
  /** The id in a `Cookie` header, when this deployment wrote it for this instance. */
  recognise(instance: string, cookies: string | null): Promise<string | undefined>;
  /** A fresh visitor and the `Set-Cookie` value that brings them back. */
  welcome(
    instance: string,
    options: {
      readonly isHttps: boolean;
      /** Whether pages of other sites show it: the cookie then goes along there, too, to each site's own. */
      readonly isEmbedded: boolean;
    },
  ): Promise<{ id: string; setCookie: string }>;
}

/** Builds {@linkcode Visitors}; edges that share `secret` know each other's visitors. */
export function createVisitors({ secret, random }: { secret: string; random: Random }): Visitors {
  const mac = createMac("hmac-sha256", new TextEncoder().encode(secret));
  const proofOf = (instance: string, id: string) => mac([`${instance}\n${id}`]);

  return {
    async recognise(instance, cookies) {
      for (const value of cookieValues(cookies)) {
        const [id = "", proof = ""] = value.split(".");
        const given = /^[0-9a-f]{32}$/.test(id) ? decodeHex(proof) : undefined;
        if (given !== undefined && equalBytes(given, await proofOf(instance, id))) return id;
      }
      return undefined;
    },
    async welcome(instance, { isHttps, isEmbedded }) {
      const id = encodeHex(random(new Uint8Array(16)));
      const value = `${id}.${encodeHex(await proofOf(instance, id))}`;
      // Browsers take a cookie of another site's frame only over https.
      const site = isHttps && isEmbedded ? "SameSite=None; Partitioned" : "SameSite=Lax";
      const setCookie =
        `${VISITOR_COOKIE}=${value}; Path=/chat/${instance}; Max-Age=${ONE_YEAR_SECS}; ` +
        `HttpOnly; ${site}${isHttps ? "; Secure" : ""}`;
      return { id, setCookie };
    },
  };
}

function cookieValues(cookies: string | null): string[] {
  if (cookies === null) return [];
  return cookies.split(";").map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${VISITOR_COOKIE}=`))
    .map((pair) => pair.slice(VISITOR_COOKIE.length + 1))
    // A browser sends one per path; more are somebody's attempt to make us compute.
    .slice(0, 4);
}
