/**
 * The limits of a core: what they count, what they forget, and when.
 *
 * @module
 */
import { type Clock, messageOf } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import { openScope } from "../flow/scope.ts";
import type { Store } from "../store/store.ts";
import { createBucketRows, createBucketUpkeep } from "./bucket_rows.ts";
import { openBuckets } from "./buckets.ts";
import { createDispatchLimits, type DispatchLimits } from "./dispatch_limits.ts";
import { createSenderLimits, type SenderLimits } from "./sender_limits.ts";
import { createToolLimits, type ToolLimits, type ToolLimitSets } from "./tool_limits.ts";
import type { Rate } from "./tool_patterns.ts";

const SWEEP_MS = 3_600_000;
/** Rows deleted in one commit. */
const SWEPT_AT_ONCE = 500;

/** What the operator's settings say of limits; asked again until the next reload. */
export interface LimitRules {
  /** The same text for the same agents and limits. */
  readonly fingerprint: string;
  readonly hasAgent: (agentId: string) => boolean;
  readonly toolLimitsOf: (agentId: string, bindingId: string | null) => ToolLimitSets | undefined;
  readonly senderRateOf: (agentId: string, bindingId: string) => Rate | undefined;
}

/** What the limits need. */
export interface LimitsDeps {
  readonly store: Store;
  readonly now: Clock;
  readonly log: Log;
}

/** The limits. Disposing writes what is left of the blocks; it must come before the store closes. */
export interface Limits extends AsyncDisposable {
  readonly tools: Pick<ToolLimits, "take">;
  readonly senders: Pick<SenderLimits, "take" | "giveBack">;
  readonly dispatches: DispatchLimits;
  /** Other rules hold from now on; agents they do not know are forgotten. */
  readonly reload: (rules: LimitRules) => void;
}

/** Opens the limits; rows nobody needs any more are swept away each hour. */
export function openLimits({ store, now, log }: LimitsDeps): Limits {
  const upkeep = createBucketUpkeep(store);
  const [toolBuckets, senderBuckets, dispatchBuckets] = [
    openBuckets({ store, rows: createBucketRows(store, "tool"), now, writes: "ahead" }),
    openBuckets({ store, rows: createBucketRows(store, "sender"), now, writes: "behind" }),
    openBuckets({ store, rows: createBucketRows(store, "dispatch"), now, writes: "ahead" }),
  ];
  const tools = createToolLimits({ buckets: toolBuckets });
  const senders = createSenderLimits({ buckets: senderBuckets });
  const scope = openScope({
    onError: (error) => log.warn("limits.upkeep_failed", { error: messageOf(error) }),
  });
  let known = "";
  const timer = setInterval(() => scope.run(sweep), SWEEP_MS).unref();

  async function sweep(): Promise<void> {
    while (await upkeep.deleteIdle(store, now(), SWEPT_AT_ONCE) === SWEPT_AT_ONCE);
  }

  async function forgetAgents(hasAgent: LimitRules["hasAgent"]): Promise<void> {
    const isGone = (agentId: string): boolean => !hasAgent(agentId);
    toolBuckets.forgetAgents(isGone);
    senderBuckets.forgetAgents(isGone);
    dispatchBuckets.forgetAgents(isGone);
    const gone = (await upkeep.agentsForOperator()).filter(isGone);
    if (gone.length > 0) await store.commit(gone.flatMap((id) => upkeep.rowsForForgottenAgent(id)));
  }

  async function apply({ hasAgent, toolLimitsOf, senderRateOf }: LimitRules): Promise<void> {
    // Both begin now: what is in memory changes its rate at this moment.
    await Promise.all([tools.reload(toolLimitsOf), senders.reload(senderRateOf)]);
    await forgetAgents(hasAgent);
  }

  return {
    tools,
    senders,
    dispatches: createDispatchLimits({ buckets: dispatchBuckets }),
    reload(next) {
      const isSame = next.fingerprint === known;
      known = next.fingerprint;
      if (!isSame) scope.run(() => apply(next));
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer);
      await scope.idle();
      await toolBuckets[Symbol.asyncDispose]();
      await senderBuckets[Symbol.asyncDispose]();
      await dispatchBuckets[Symbol.asyncDispose]();
    },
  };
}
