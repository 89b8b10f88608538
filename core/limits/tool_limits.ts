/**
 * How often a tool may be called: a token bucket per tenant, agent, binding and tool.
 *
 * @module
 */
import { type Soon, whenHere } from "../flow/soon.ts";
import type { Bucket, Draw } from "./bucket.ts";
import type { BucketKey } from "./bucket_rows.ts";
import type { Buckets } from "./buckets.ts";
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

/** What the operator set; sets are compiled once per object. */
export interface ToolLimitSets {
  readonly agent?: ToolLimitSet | undefined;
  readonly binding?: ToolLimitSet | undefined;
}

/** A call that wants to happen. */
export interface ToolCallClaim {
  readonly account: string;
  readonly agentId: string;
  /** `<channel>:<instance>`, or `null` when the turn came without a binding. */
  readonly bindingId: string | null;
  readonly tool: ToolNames;
  readonly limits: ToolLimitSets;
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
  /**
   * Takes one call, right before it is made. Without a matching pattern there is no limit.
   *
   * @throws what the store throws; the call must not be made then
   */
  take(claim: ToolCallClaim): Soon<ToolLimitVerdict>;
  /** The limits may have changed: `limitsOf` says what holds for an agent's binding from now on. */
  reload(
    limitsOf: (agentId: string, bindingId: string | null) => ToolLimitSets | undefined,
  ): Promise<void>;
}

const NO_LIMIT: ToolLimitVerdict = { ok: true };

/** The rate that holds for a tool on a binding; undefined is no limit. */
export function rateOfTool(
  bindingId: string | null,
  { tool, limits, compile = compilePatterns }: {
    tool: ToolNames;
    limits: ToolLimitSets;
    compile?: (patterns: RatePatterns) => CompiledPatterns;
  },
): Rate | undefined {
  const rate = rateFor(layersOf(bindingId, limits).map(compile), tool);
  return rate?.rps === 0 ? undefined : rate;
}

/**
 * Tool limits over `buckets`. A rate of `rps: 0` is no limit; a changed rate holds from then on and
 * takes back nothing that was used.
 */
export function createToolLimits({ buckets }: { buckets: Buckets }): ToolLimits {
  const compiled = new WeakMap<RatePatterns, CompiledPatterns>();

  function compile(patterns: RatePatterns): CompiledPatterns {
    let found = compiled.get(patterns);
    if (found === undefined) {
      found = compilePatterns(patterns);
      compiled.set(patterns, found);
    }
    return found;
  }

  const rateOf = (bindingId: string | null, tool: ToolNames, limits: ToolLimitSets) =>
    rateOfTool(bindingId, { tool, limits, compile });

  /** A bucket knows its rate for as long as the sets are the same objects: until the next reload. */
  function rateOfBucket(
    bucket: Bucket,
    { bindingId, tool, limits }: ToolCallClaim,
  ): Rate | undefined {
    const { origin } = bucket;
    const { agent, binding } = limits;
    if (
      origin?.agent === agent && origin?.binding === binding && origin?.ownName === tool.ownName
    ) return origin.rate;
    const rate = rateOf(bindingId, tool, limits);
    bucket.origin = rate && { agent, binding, ownName: tool.ownName, rate };
    return rate;
  }

  return {
    take(claim) {
      const { bindingId, tool, limits } = claim;
      if (limits.agent === undefined && limits.binding === undefined) return NO_LIMIT;
      const key = keyOf(claim);
      const bucket = buckets.find(key);
      const rate = bucket === undefined
        ? rateOf(bindingId, tool, limits)
        : rateOfBucket(bucket, claim);
      if (rate === undefined) return NO_LIMIT;
      const draw = bucket === undefined ? buckets.take(key, rate) : buckets.draw(bucket, rate);
      return whenHere(draw, (drawn) => drawn.ok ? drawn : refusal(drawn, claim, rate));
    },
    reload: (limitsOf) =>
      buckets.reload(({ agentId, bindingId, name, ownName }) => {
        const id = bindingId === "" ? null : bindingId;
        const limits = limitsOf(agentId, id);
        return limits && rateOf(id, { name, ownName: ownName ?? name }, limits);
      }),
  };
}

function keyOf({ account, agentId, bindingId, tool: { name, ownName } }: ToolCallClaim): BucketKey {
  return { account, agentId, bindingId: bindingId ?? "", name, ownName };
}

/** The patterns that count, the most particular first. */
function layersOf(bindingId: string | null, { agent, binding }: ToolLimitSets): RatePatterns[] {
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

function refusal(
  { retryAfterMs }: Draw & { ok: false },
  { tool, bindingId }: ToolCallClaim,
  { rps }: Rate,
): ToolLimitVerdict {
  const shown = Number(rps.toPrecision(6));
  const marker = `rate_limited:tool=${tool.name},binding=${bindingId ?? "none"},rps=${shown}`;
  return { ok: false, rps, retryAfterMs, marker };
}
