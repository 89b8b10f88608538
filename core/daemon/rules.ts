/**
 * What the settings in force say to those who limit and order the work.
 *
 * @module
 */
import { isParked, limitsFingerprint, senderRateOf, toolLimitsOf } from "../agents/policy.ts";
import type { ConversationLimits } from "../conversations/conversations.ts";
import type { LimitRules } from "../limits/limits.ts";
import type { Settings } from "../settings/settings.ts";

/** Messages under way before new ones are refused with 503. */
const MAX_WAITING = 100_000;
const DEFAULT_QUEUE_CAP = 32;
/** Turns that work at once; those that wait for a model or a microapp are not counted. */
const WORKING_TURNS = 64;
/** Of a tenant of weight 1, while others are there. */
const WORKING_TURNS_BESIDE_OTHERS = 8;

/** The limits on tools and senders. */
export function limitRulesOf(settings: () => Settings): LimitRules {
  return {
    fingerprint: limitsFingerprint(settings()),
    hasAgent: (id) => settings().agents.has(id),
    toolLimitsOf: (agent, binding) => toolLimitsOf(settings(), agent, binding),
    senderRateOf: (agent, binding) => senderRateOf(settings(), agent, binding),
  };
}

/** The limits of conversations; what belongs to a tenant or agent that is gone has the defaults. */
export function conversationLimitsOf(settings: () => Settings): ConversationLimits {
  const tenant = (id: string) => settings().tenants.get(id);
  const agent = (id: string) => settings().agents.get(id);
  return {
    maxWaiting: MAX_WAITING,
    maxTurns: () => settings().turns.max,
    workingTurns: () => WORKING_TURNS,
    workingTurnsBesideOthers: (id) =>
      Math.ceil(WORKING_TURNS_BESIDE_OTHERS * (tenant(id)?.weight ?? 1)),
    tenantTurnsOf: (id) => tenant(id)?.max_concurrent_turns ?? settings().turns.maxPerTenant,
    agentTurnsOf: (id) => agent(id)?.config.max_concurrent_turns ?? Infinity,
    groupLimitOf: (id, subscriberId) =>
      agent(id)?.event_subscribers.find((each) => each.id === subscriberId)?.max_concurrency ?? 1,
    weightOf: (id) => tenant(id)?.weight ?? 1,
    queueCapOf: (id) => agent(id)?.config.queue_cap ?? DEFAULT_QUEUE_CAP,
    debounceMsOf: (id) => agent(id)?.config.debounce_ms ?? 0,
    isParked: (account, id) => isParked(settings(), account, id),
  };
}
