/**
 * The `GET` by which a provider asks whether an address wants its events.
 *
 * @module
 */
import type { EdgeSource } from "../../core/contract/mod.ts";
import { equalBytes } from "../../core/signing/bytes.ts";
import { listOf, SECURITY_HEADERS } from "../reply.ts";

/** What a handshake is answered with, or undefined when it is not exactly as it must be. */
export type AnswerHandshake = (query: string) => string | undefined;

/** Headers of the answer: never anything a browser would run. */
export const HANDSHAKE_HEADERS = listOf({ ...SECURITY_HEADERS, "content-type": "text/plain" });

const encoder = new TextEncoder();

/** Prepares a source's handshake; undefined when it has none. */
export function createHandshake(
  { handshake, verify_token: verifyToken }: Pick<EdgeSource, "handshake" | "verify_token">,
): AnswerHandshake | undefined {
  if (handshake === null) return undefined;
  if (verifyToken === null || verifyToken === "") return () => undefined;
  const expected = encoder.encode(verifyToken);
  const conditions = Object.entries(handshake.query);
  return (query) => {
    const params = new URLSearchParams(query);
    const only = (name: string): string | undefined => {
      const [value, ...others] = params.getAll(name);
      return others.length === 0 ? value : undefined;
    };
    if (!conditions.every(([name, value]) => only(name) === value)) return undefined;
    const token = only(handshake.token);
    if (token === undefined || !equalBytes(encoder.encode(token), expected)) return undefined;
    return only(handshake.echo);
  };
}
