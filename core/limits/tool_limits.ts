/**
 * How often a tool may be called: a token bucket per tenant, agent, binding and tool.
 *
 * @module
 */
import { LRUCache } from "lru-cache";
import type { Clock } from "../contract/mod.ts";
import {
  type CompiledPatterns,
  compilePatterns,
  type Rate,
  rateFor,
  type RatePatterns,
  type ToolNames,
} from "./tool_patterns.ts";

/** `tool_rate_limits` of an agent or a binding, after reading. */
export interface ToolLimitSet {
  readonly patterns: RatePatterns;
  /** On an agent: more patterns by binding id. */
  readonly bindings?: Readonly<Record<string, RatePatterns>> | undefined;
  /** Whether these patterns stand alone instead of lying over the more general ones. */
  readonly replace?: boolean | undefined;
}

/** A call that wants to happen. */
export interface ToolCallClaim {
  readonly account: string;
  readonly agentId: string;
  /** `<channel>:<instance>`, or `null` when the turn came without a binding. */
  readonly bindingId: string | null;
  readonly tool: ToolNames;
  /** What the operator set; sets are compiled once per object. */
  readonly limits: {
    readonly agent?: ToolLimitSet | undefined;
    readonly binding?: ToolLimitSet | undefined;
  };
}

/** Whether the call may happen. */
export type ToolLimitVerdict =
  | { readonly ok: true }
  | {
    readonly ok: false;
    /** The rate that was passed. */
    readonly rps: number;
    /** Milliseconds until a call is possible. */
    readonly retryAfterMs: number;
    /** `rate_limited:tool=<model-visible name>,binding=<id or none>,rps=<rate>`, for logs and audit. */
    readonly marker: string;
  };

/** Counts calls against limits. */
export interface ToolLimits {
  /** Takes one call, right before it is made. Without a matching pattern there is no limit. */
  take(claim: ToolCallClaim): ToolLimitVerdict;
  /** Forgets what an agent used, when it is deleted. */
  forgetAgent(agentId: string): void;
}

/** What counting needs. */
export interface ToolLimitsDeps {
  readonly now: Clock;
  /** Buckets kept; the one unused longest goes first. @default {100000} */
  readonly maxBuckets?: number | undefined;
}

interface Bucket {
  readonly agentId: string;
  tokens: number;
  /** When `tokens` was right. */
  atMs: number;
}

/** Tokens: steps of rounding must not cost a call that is due. */
const ROUNDING = 1e-9;

/**
 * Limits without any calls counted yet.
 *
 * A rate of `rps: 0` is no limit, except as `0/min` and the like (`burst: 0`), which allow no call.
 * A changed rate holds from the next call on, and never refills a bucket.
 */
export function createToolLimits({ now, maxBuckets = 100_000 }: ToolLimitsDeps): ToolLimits {
  const buckets = new LRUCache<string, Bucket>({ max: maxBuckets });
  const compiled = new WeakMap<RatePatterns, CompiledPatterns>();

  function compile(patterns: RatePatterns): CompiledPatterns {
    let found = compiled.get(patterns);
    if (found === undefined) {
      found = compilePatterns(patterns);
      compiled.set(patterns, found);
    }
    return found;
  }

  function bucketOf({ account, agentId, bindingId, tool }: ToolCallClaim, burst: number): Bucket {
    const key = JSON.stringify([account, agentId, bindingId, tool.name]);
    let bucket = buckets.get(key);
    if (bucket === undefined) {
      bucket = { agentId, tokens: burst, atMs: now() };
      buckets.set(key, bucket);
    }
    return bucket;
  }

  return {
    take(claim) {
      const rate = rateFor(layersOf(claim).map(compile), claim.tool);
      if (rate === undefined || rate.rps === 0) return { ok: true };
      const retryAfterMs = takeToken(bucketOf(claim, rate.burst), rate, now());
      return retryAfterMs === 0 ? { ok: true } : refusal(claim, rate, retryAfterMs);
    },
    forgetAgent(agentId) {
      for (const [key, bucket] of buckets) if (bucket.agentId === agentId) buckets.delete(key);
    },
  };
}

/** The patterns that count, the most particular first. */
function layersOf({ bindingId, limits: { agent, binding } }: ToolCallClaim): RatePatterns[] {
  const layers: RatePatterns[] = [];
  if (binding !== undefined) layers.push(binding.patterns);
  if (agent === undefined || binding?.replace === true) return layers;
  const bindings = agent.bindings ?? {};
  const own = bindingId !== null && Object.hasOwn(bindings, bindingId)
    ? bindings[bindingId]
    : undefined;
  if (own !== undefined) layers.push(own);
  if (own === undefined || agent.replace !== true) layers.push(agent.patterns);
  return layers;
}

/** Takes a token, or says how many milliseconds until there is one; 0 means taken. */
function takeToken(bucket: Bucket, { rps, burst }: Rate, nowMs: number): number {
  // A clock set back must not give the same time twice, so the bucket's own time never goes back.
  const elapsedMs = Math.max(0, nowMs - bucket.atMs);
  bucket.tokens = Math.min(burst, bucket.tokens + elapsedMs / 1000 * rps);
  bucket.atMs += elapsedMs;
  if (bucket.tokens >= 1 - ROUNDING) {
    bucket.tokens = Math.max(0, bucket.tokens - 1);
    return 0;
  }
  return Math.max(1, Math.ceil((1 - ROUNDING - bucket.tokens) / rps * 1000));
}

function refusal(
  { tool, bindingId }: ToolCallClaim,
  { rps }: Rate,
  retryAfterMs: number,
): ToolLimitVerdict {
  const shown = Number(rps.toPrecision(6));
  const marker = `rate_limited:tool=${tool.name},binding=${bindingId ?? "none"},rps=${shown}`;
  return { ok: false, rps, retryAfterMs, marker };
}
