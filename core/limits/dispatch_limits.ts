/**
 * How often a microapp may write to people by itself: a token bucket per tenant, line and microapp.
 *
 * @module
 */
import type { Draw } from "./bucket.ts";
import type { Buckets } from "./buckets.ts";
import type { Rate } from "./tool_patterns.ts";

/** A message that a microapp wants to send. */
export interface DispatchClaim {
  readonly account: string;
  readonly agentId: string;
  /** `<channel>:<instance>` */
  readonly bindingId: string;
  readonly microappId: string;
}

/** Counts messages against limits. */
export interface DispatchLimits {
  /** Takes one message. @throws what the store throws; the message must not be sent then */
  take(claim: DispatchClaim, rate: Rate): Draw | Promise<Draw>;
  /** Gives back what a message took that was sent before already. */
  giveBack(claim: DispatchClaim): void;
}

/** Dispatch limits over `buckets`; one tenant's campaign takes nothing from another's. */
export function createDispatchLimits({ buckets }: { buckets: Buckets }): DispatchLimits {
  return {
    take: (claim, rate) => buckets.take(keyOf(claim), rate),
    giveBack: (claim) => buckets.giveBack(keyOf(claim)),
  };
}

function keyOf({ account, agentId, bindingId, microappId }: DispatchClaim) {
  return { account, agentId, bindingId, name: microappId };
}
