/**
 * Limits an operator sets on tools and senders.
 *
 * @module
 */
import { z } from "zod";
import { Count, optional, Text, withDefault } from "./block.ts";
import { RateText, type RateUnit, Rps } from "./units.ts";

/** One tool limit, however it was written. */
export interface ToolLimit {
  /** Tokens that come back each second; 0 means no limit. */
  readonly rps: number;
  /** Calls possible at once, at least 1. */
  readonly burst: number;
  /** Kept from nexo: a lost bucket denies first. Ours are durable and never lost. */
  readonly essential_deny_on_miss: boolean;
  /** The unit the operator wrote, for messages; absent for `{rps, burst}`. */
  readonly per?: RateUnit;
}

/** `{rps, burst}` or `10/min`; see {@linkcode ToolLimit}. A burst of 0 means `max(1, ceil(rps))`. */
export const ToolLimit = z.union([
  RateText.transform((rate): ToolLimit => ({ ...rate, essential_deny_on_miss: false })),
  z.strictObject({
    rps: Rps,
    burst: withDefault(Count, 0),
    essential_deny_on_miss: withDefault(z.boolean(), false),
  }).transform((limit): ToolLimit => ({
    ...limit,
    burst: limit.burst === 0 ? Math.max(1, Math.ceil(limit.rps)) : limit.burst,
  })),
]);

const Patterns = z.record(Text, ToolLimit);

/**
 * Tool limits after reading, whichever way they were written.
 *
 * Keys of `patterns` are globs over tool names (`*` anywhere) or `_default`.
 */
export interface ToolRateLimits {
  readonly patterns: Readonly<Record<string, ToolLimit>>;
  /** By `<channel>:<instance>`, from the form `tool_rate_limits.<binding_id>.<tool>: 10/min`. */
  readonly bindings: Readonly<Record<string, Readonly<Record<string, ToolLimit>>>>;
  /** On a binding: the agent's patterns do not apply. Otherwise they hold for unlisted tools. */
  readonly replace: boolean;
}

/** Limits on a binding: `{patterns: {<glob>: limit}, replace}`. */
export const BindingToolRateLimits = z.strictObject({
  patterns: withDefault(Patterns, {}),
  replace: withDefault(z.boolean(), false),
}).transform((limits): ToolRateLimits => ({ ...limits, bindings: {} }));

/** Limits on an agent: those of a binding, and per binding as `<channel>:<instance>: {<glob>: limit}`. */
export const AgentToolRateLimits: z.ZodType<ToolRateLimits> = z.object({
  patterns: withDefault(Patterns, {}),
  replace: withDefault(z.boolean(), false),
}).catchall(Patterns).superRefine((limits, ctx) => {
  const keys = Object.keys(limits).filter((key) =>
    key !== "patterns" && key !== "replace" && !key.includes(":")
  );
  if (keys.length > 0) {
    ctx.addIssue({
      code: "unrecognized_keys",
      keys,
      message: "must be patterns, replace or a binding id such as webchat:acme",
    });
  }
}).transform(({ patterns, replace, ...bindings }): ToolRateLimits => ({
  patterns,
  bindings,
  replace,
}));

/** How often one sender may write: `{rps, burst}` or `10/min`. */
export const SenderRateLimit = z.union([
  RateText.transform(({ rps, burst }) => ({ rps, burst })),
  z.strictObject({ rps: Rps, burst: withDefault(Count, 5) }),
]);
/** See {@linkcode SenderRateLimit}. */
export type SenderRateLimit = z.infer<typeof SenderRateLimit>;

/** How often a microapp may write on one line: `{rps, burst}` or `10/min`; a rate of 0 is no limit. */
export const DispatchRateLimit = withDefault(SenderRateLimit, { rps: 10, burst: 600 });

/** A binding's sender limit: the agent's, none, or its own. */
export const SenderRateLimitOverride = optional(
  z.union([z.enum(["inherit", "disable"]), SenderRateLimit]),
).transform((override) => override ?? "inherit");
/** See {@linkcode SenderRateLimitOverride}. */
export type SenderRateLimitOverride = z.infer<typeof SenderRateLimitOverride>;
