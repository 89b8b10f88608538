/**
 * Turns and admin calls to put on record, and a sealer that shows what it sealed.
 *
 * @module
 */
import { createHmac } from "node:crypto";

import { CodedError } from "../../../../core/contract/mod.ts";
import type { AuditIntent, AuditOutcome } from "../../../../core/record/admin_audit.ts";
import type { FinishedTurn } from "../../../../core/record/turns.ts";
import { createRedactor } from "../../../../core/redact/redactor.ts";
import type { Sealer, SealPlace } from "../../../../core/store/sealer.ts";

export const redact = createRedactor();

/** What `rowsForTurn` needs; the salts count up. */
export function turnDeps() {
  let count = 0;
  return { redact, random: (bytes: Uint8Array<ArrayBuffer>) => bytes.fill(++count) };
}

/** A finished turn of `accountId`; `n` makes it one of a kind. */
export function turn(accountId: string, n: number, rest: Partial<FinishedTurn> = {}): FinishedTurn {
  return {
    id: `turn-${accountId}-${n}`,
    accountId,
    agentId: "ana",
    sessionId: `session-${n % 3}`,
    channel: "web",
    instance: accountId,
    bindingId: `web:${accountId}`,
    trigger: "channel",
    envelopeId: null,
    deliveryId: `delivery-${n}`,
    inboundIds: [`inbound-${n}`],
    startedAtMs: 1_000 * n,
    finishedAtMs: 1_000 * n + 250,
    outcome: n % 4 === 0 ? "error" : "ok",
    error: n % 4 === 0 ? "model_failed: no answer" : null,
    attempts: 1,
    provider: "offline",
    model: "echo",
    tokensIn: 10 + n,
    tokensOut: 5,
    tokensCached: 0,
    costMicros: 3,
    toolCalls: 0,
    traceId: null,
    content: JSON.stringify(["hola", `said ${n}`]),
    ...rest,
  };
}

export function intent(n: number, rest: Partial<AuditIntent> = {}): AuditIntent {
  return {
    id: `intent-${String(n).padStart(4, "0")}`,
    account: "acme",
    microappId: "shop",
    method: "nexo/admin/agents/get",
    capability: "agents_crud",
    argsHash: "ab".repeat(32),
    atMs: 1_000 * n,
    ...rest,
  };
}

export function outcome(n: number, rest: Partial<AuditOutcome> = {}): AuditOutcome {
  return {
    id: `outcome-${String(n).padStart(4, "0")}`,
    result: "ok",
    durationMs: 7,
    atMs: 1_000 * n + 7,
    ...rest,
  };
}

/** A keyed hash in hex. */
export const mac = (text: string): string => createHmac("sha256", "key").update(text).digest("hex");

/** Seals by writing the place in front; what was sealed for one place does not open at another. */
export const sealer: Sealer = {
  seal: (where, ...pieces) =>
    Buffer.concat([`${placeOf(where)}|`, ...pieces].map((piece) => Buffer.from(piece))),
  open(where, sealed) {
    const place = Buffer.from(`${placeOf(where)}|`);
    if (!place.equals(sealed.subarray(0, place.length))) {
      throw new CodedError("sealed_unreadable", "Cannot open: wrong place");
    }
    return sealed.subarray(place.length);
  },
  openText: (where, sealed) => new TextDecoder().decode(sealer.open(where, sealed)),
};

function placeOf({ table, account, id }: SealPlace): string {
  return `${table}/${account}/${id}`;
}
