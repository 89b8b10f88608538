/**
 * How often one person may write: a token bucket per tenant, agent, binding and sender.
 *
 * @module
 */
import type { Draw } from "./bucket.ts";
import type { Buckets } from "./buckets.ts";
import type { Rate } from "./tool_patterns.ts";

/** A message that wants in. */
export interface SenderClaim {
  readonly account: string;
  readonly agentId: string;
  /** `<channel>:<instance>` */
  readonly bindingId: string;
  /** Stands for the sender; the person's own name or number stays out of the limits' table. */
  readonly sender: string;
}

/** Counts messages against limits. */
export interface SenderLimits {
  /** Takes one message. @throws what the store throws when it is read for a new sender */
  take(claim: SenderClaim, rate: Rate | undefined): Draw | Promise<Draw>;
  /** Gives back what a message took that was there already. */
  giveBack(claim: SenderClaim): void;
  /** The limits may have changed: `rateOf` says what holds for an agent's binding from now on. */
  reload(rateOf: (agentId: string, bindingId: string) => Rate | undefined): Promise<void>;
}

const NO_LIMIT: Draw = { ok: true };

/** Sender limits over `buckets`. */
export function createSenderLimits({ buckets }: { buckets: Buckets }): SenderLimits {
  return {
    take: (claim, rate) => rate === undefined ? NO_LIMIT : buckets.take(keyOf(claim), rate),
    giveBack: (claim) => buckets.giveBack(keyOf(claim)),
    reload: (rateOf) => buckets.reload(({ agentId, bindingId }) => rateOf(agentId, bindingId)),
  };
}

function keyOf({ account, agentId, bindingId, sender }: SenderClaim) {
  return { account, agentId, bindingId, name: sender };
}
