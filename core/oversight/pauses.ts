/**
 * Which conversations people have now: in memory, so that asking costs nothing, and only ever what the
 * table `processing` says.
 *
 * @module
 */
import type { ConversationKey } from "../contract/mod.ts";
import type { Outbound } from "../queues/outbound.ts";
import { conversationScope, type Scope, scopeKey, scopesOver } from "./scopes.ts";

/** Who acts: the hash of a token, and a name when one is known. */
export interface Operator {
  readonly hash: string;
  readonly name: string | null;
}

/** A scope that a person has taken over. */
export interface Pause {
  readonly scope: Scope;
  readonly id: string;
  readonly pausedAtMs: number;
  readonly operator: Operator;
  /** Redacted. */
  readonly reason: string | null;
  /** Until then nobody but the operator may act on it. */
  readonly leaseUntilMs: number;
  /** When the operator did something last. */
  readonly actedAtMs: number;
  /** The pause ends by itself so long after `actedAtMs`; null when it does not. */
  readonly autoResumeMs: number | null;
  /** When it was said that the pause seems forgotten. */
  readonly alertedAtMs: number | null;
}

/** The pauses there are. Until {@linkcode Pauses.load} everything counts as paused. */
export interface Pauses {
  readonly load: (pauses: readonly Pause[]) => void;
  readonly get: (scope: Scope) => Pause | undefined;
  readonly set: (pause: Pause) => void;
  readonly delete: (scope: Scope) => void;
  readonly all: () => Pause[];
  /** The narrowest pause over a conversation. */
  readonly over: (key: ConversationKey) => Pause | undefined;
  /** Every pause over a conversation, the narrowest first. */
  readonly allOver: (key: ConversationKey) => Pause[];
  /**
   * Counts a scope as paused while a pause of it is being written, so that nothing slips through
   * between the decision and the commit. Call the result when it is settled.
   */
  readonly shut: (scope: Scope) => () => void;
  /** Resolves when no pause over a conversation is being written. */
  readonly settled: (key: ConversationKey) => Promise<void>;
  /** Whether an agent may not speak in a conversation; true also while that is not known. */
  readonly holds: (key: ConversationKey) => boolean;
  /** Whether a message may not go out; a person who is spoken to by an operator hears no other agent. */
  readonly stops: (outbound: Outbound) => "paused" | "unknown" | undefined;
}

/** Returns pauses that are not loaded yet. */
export function createPauses(): Pauses {
  const paused = new Map<string, Pause>();
  /** Scopes that count as paused, by how often. */
  const shut = new Map<string, number>();
  /** People who are spoken to by operators, whichever agent was there before. */
  const contacts = new Map<string, number>();
  /** Pauses that are being written. */
  const opening = new Map<string, Set<Promise<void>>>();
  let loaded = false;

  const keyOf = (scope: Scope): string => `${scope.account} ${scopeKey(scope)}`;

  function count(scope: Scope, by: 1 | -1): void {
    add(shut, keyOf(scope), by);
    if (scope.kind === "conversation") add(contacts, contactKey(scope), by);
  }

  function set(pause: Pause): void {
    const key = keyOf(pause.scope);
    if (!paused.has(key)) count(pause.scope, 1);
    paused.set(key, pause);
  }

  return {
    load(pauses) {
      for (const pause of pauses) set(pause);
      loaded = true;
    },
    get: (scope) => paused.get(keyOf(scope)),
    set,
    delete(scope) {
      if (paused.delete(keyOf(scope))) count(scope, -1);
    },
    all: () => [...paused.values()],
    over: (key) =>
      scopesOver(key).map((scope) => paused.get(keyOf(scope))).find((pause) => pause !== undefined),
    allOver: (key) => scopesOver(key).flatMap((scope) => paused.get(keyOf(scope)) ?? []),
    shut(scope) {
      const key = keyOf(scope);
      const others = opening.get(key) ?? new Set();
      let settle = (): void => {};
      const settled = new Promise<void>((resolve) => (settle = resolve));
      opening.set(key, others.add(settled));
      count(scope, 1);
      return () => {
        if (!others.delete(settled)) return;
        if (others.size === 0) opening.delete(key);
        count(scope, -1);
        settle();
      };
    },
    async settled(key) {
      await Promise.all(scopesOver(key).flatMap((scope) => [...opening.get(keyOf(scope)) ?? []]));
    },
    holds(key) {
      if (!loaded) return true;
      return shut.size > 0 && scopesOver(key).some((scope) => shut.has(keyOf(scope)));
    },
    stops(outbound) {
      if ((outbound.author ?? "agent") !== "agent") return undefined;
      if (!loaded) return "unknown";
      if (shut.size === 0) return undefined;
      const stopped = contacts.has(contactKey(conversationScope(outbound))) ||
        scopesOver(outbound).some((scope) => shut.has(keyOf(scope)));
      return stopped ? "paused" : undefined;
    },
  };
}

function contactKey({ account, channel, instance, contact }: Scope & { kind: "conversation" }) {
  return JSON.stringify([account, channel, instance, contact]);
}

function add(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
