/**
 * Whose events a stream holds, and how they are counted there.
 *
 * @module
 */
import type { WireEvent } from "../../core/contract/mod.ts";

/** One account's events by its own offsets, or everybody's by global ids. */
export type StreamScope = { readonly account: string } | "operator";

/** The name of a scope; no account is called like the operators' one. */
export function scopeKey(scope: StreamScope): string {
  return scope === "operator" ? "*" : scope.account;
}

/** The place of an event in streams of this scope. */
export function positionIn(scope: StreamScope, event: WireEvent): number {
  return scope === "operator" ? event.id : event.offset;
}
