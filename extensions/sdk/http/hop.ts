/**
 * Proof that a request came through nexo, and whom nexo let in with a token of its own.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { z } from "zod";
import type { ServerPlace } from "./place.ts";
import { isSame, readJsonPart } from "./secrets.ts";

/** What nexo vouches for. */
export const Hop = z.looseObject({
  iss: z.literal("nexo"),
  /** The microapp the request is for. */
  aud: z.string(),
  /** Seconds since the epoch. */
  exp: z.number(),
  request_id: z.string(),
  method: z.string(),
  /** Path and query, as this server got them. */
  target: z.string(),
  /** The client's address, by the edge's rules for proxies. */
  ip: z.string().nullable(),
  /** Who showed a token of nexo, with `access: token`. */
  sub: z.string().optional(),
  scope: z.array(z.string()).optional(),
  account_id: z.string().optional(),
});
/** See {@linkcode Hop}. */
export type Hop = z.infer<typeof Hop>;

const Header = z.looseObject({ alg: z.literal("HS256") });

/** The proof in `X-Nexo-Hop`, when it is one for this request to this microapp; else undefined. */
export function readHop(
  { header, method, url, nowMs }: {
    readonly header: string | undefined;
    readonly method: string;
    /** Of the request, absolute. */
    readonly url: string;
    readonly nowMs: number;
  },
  { hopKey, microappId }: Pick<ServerPlace, "hopKey" | "microappId">,
): Hop | undefined {
  const [head = "", claims = "", proof = "", ...rest] = (header ?? "").split(".");
  if (proof === "" || rest.length > 0 || !Header.safeParse(readJsonPart(head)).success) {
    return undefined;
  }
  const wanted = createHmac("sha256", hopKey).update(`${head}.${claims}`).digest("base64url");
  if (!isSame(proof, wanted)) return undefined;
  const { data: hop } = Hop.safeParse(readJsonPart(claims));
  const isOurs = hop !== undefined && hop.aud === microappId && hop.exp * 1000 > nowMs &&
    hop.method === method && targetOf(hop.target) === targetOf(url);
  return isOurs ? hop : undefined;
}

/** Path and query as every parser writes them. */
function targetOf(url: string): string {
  const { pathname, search } = new URL(url, "http://here");
  return pathname + search;
}
