/**
 * Who may write to a line: everybody, those it knows, or those who bring a code.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import type { ChatKind, Clock } from "../contract/mod.ts";
import type { Soon } from "../flow/soon.ts";
import { linkCodeIn } from "./codes.ts";
import type { TenantLine } from "./challenges.ts";
import type { Pairing } from "./pairing.ts";
import type { People } from "./people.ts";

/** What a line does with people. */
export interface DmPolicy {
  /** `pairing` gives strangers a code that an operator can approve; `allowlist` says nothing to them. */
  readonly policy: "open" | "pairing" | "allowlist";
  /** Senders who need no pairing. */
  readonly allowFrom: readonly string[];
}

/** A message at the door. */
export interface Knocking {
  readonly line: TenantLine & { readonly agent_id: string };
  readonly senderId: string | null;
  readonly chat: ChatKind;
  readonly text: string;
  /** The turn it is the question of; a turn that runs again gets the same answer. */
  readonly turnId: string;
  /** Puts on disk that this turn is under way; awaited before anything is written that depends on it. */
  readonly settle: () => Soon<void>;
}

/** What the gate says. */
export type Admission =
  | { readonly kind: "admit" }
  /** It was for the door alone; `text` answers it, and holds `code` where it gives one. */
  | { readonly kind: "answer"; readonly text: string; readonly code?: string }
  | { readonly kind: "drop"; readonly reason: string };

/** What the gate needs. */
export interface GateDeps {
  readonly pairing: Pairing;
  readonly people: People;
  readonly policyFor: (line: Knocking["line"]) => DmPolicy;
  readonly now: Clock;
}

/** Codes one sender may try before none of theirs is looked at, and for how long. */
const MAX_TRIES = 5;
const TRIES_MS = 600_000;
const MAX_SENDERS = 50_000;

/**
 * Returns the gate. What cannot be read throws: nobody is let in for that reason.
 *
 * A group is open to whoever is in it; the policy is about people who write alone.
 */
export function createGate({ pairing, people, policyFor, now }: GateDeps) {
  const tries = new LRUCache<string, { count: number; untilMs: number }>({ max: MAX_SENDERS });

  /** Counts a wrong code; true once there were too many. */
  function isTired(key: string): boolean {
    const known = tries.get(key);
    return known !== undefined && known.untilMs > now() && known.count >= MAX_TRIES;
  }
  function miss(key: string): void {
    const known = tries.get(key);
    if (known === undefined || known.untilMs <= now()) {
      tries.set(key, { count: 1, untilMs: now() + TRIES_MS });
    } else known.count += 1;
  }

  async function takeCode(
    { line }: Knocking,
    senderId: string,
    code: string,
  ): Promise<Admission> {
    const key = JSON.stringify([line.account_id, line.channel, line.instance, senderId]);
    if (isTired(key)) return { kind: "drop", reason: "too many wrong codes" };
    const became = await pairing.redeem(line, senderId, code);
    if (became === "linked") return { kind: "answer", text: "You are connected. Just write." };
    miss(key);
    const text = became === "unknown"
      ? "This code is not known here."
      : became === "used"
      ? "This code was used already. Ask for a new one."
      : "This code has expired. Ask for a new one.";
    return { kind: "answer", text };
  }

  return async function admit(knocking: Knocking): Promise<Admission> {
    const { line, senderId, chat, text, turnId, settle } = knocking;
    if (chat === "group") return { kind: "admit" };
    const code = linkCodeIn(text);
    if (code !== undefined && senderId !== null) return takeCode(knocking, senderId, code);
    const { policy, allowFrom } = policyFor(line);
    if (policy === "open") return { kind: "admit" };
    if (senderId === null) return { kind: "drop", reason: "nobody is named as the sender" };
    if (allowFrom.includes(senderId) || await people.knows(line, senderId)) {
      return { kind: "admit" };
    }
    if (policy === "allowlist") return { kind: "drop", reason: "the sender is not on the list" };
    await settle();
    const knock = await pairing.knock(line, senderId, turnId);
    return knock === undefined ? { kind: "drop", reason: "the sender was given a code already" } : {
      kind: "answer",
      text: `To write here, pass this code to whoever runs it: ${knock}`,
      code: knock,
    };
  };
}

/** See {@linkcode createGate}. */
export type Gate = ReturnType<typeof createGate>;
