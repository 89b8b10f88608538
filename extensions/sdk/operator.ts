/**
 * In whose name a microapp acts for operators, and how that token changes.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { isObject } from "./json.ts";

/** How core names a token without telling it: the first 8 bytes of its SHA-256, in hex. */
export function tokenHash(token: string): string {
  return createHash("sha256").update(token).digest("hex").slice(0, 16);
}

/** A token that core may replace while the microapp runs. */
export interface TokenHolder {
  /** Undefined when there is none. */
  readonly current: () => string | undefined;
  readonly hash: () => string | undefined;
  /** Holds `token` as long as there is no other. */
  readonly offer: (token: string) => void;
  /** Takes a new token if the notification is about the one held; says whether it did. */
  readonly rotate: (params: unknown) => boolean;
}

/** Builds a holder; `initial` is asked until a rotation has replaced what it gives. */
export function createTokenHolder(initial: () => string | undefined): TokenHolder {
  let rotated: string | undefined;
  let offered: string | undefined;
  const current = (): string | undefined => rotated ?? (initial() || offered);
  const hash = (): string | undefined => {
    const token = current();
    return token === undefined ? undefined : tokenHash(token);
  };
  return {
    current,
    hash,
    offer: (token) => void (offered = token),
    rotate(params) {
      if (!isObject(params) || params["old_hash"] !== hash()) return false;
      const next = params["new"];
      if (typeof next !== "string" || next === "") return false;
      rotated = next;
      return true;
    },
  };
}
