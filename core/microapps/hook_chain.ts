/**
 * Asks all microapps that want to be asked, one after another.
 *
 * @module
 */
import { messageOf } from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import { type CallContext, type Calls, worksFor } from "./calls.ts";
import type { HookPoint } from "./handshake.ts";
import { applyVote, type HookOutcome, type HookVote, readVote, withBody } from "./hooks.ts";
import type { JsonObject } from "./json.ts";
import type { Slot } from "./slots.ts";

const MAX_HANDLERS = 128;

/** What a chain of hooks needs. */
export interface HookChainDeps {
  /** In the order of their ids. */
  readonly slots: () => readonly Slot[];
  readonly calls: Calls;
  readonly timeoutMs: number;
  readonly logFor: (microappId: string) => Log;
}

/** Those that want to be asked at `point`, lower priority first. */
export function handlersOf(point: HookPoint, slots: readonly Slot[]): Slot[] {
  return slots
    .filter(({ supervisor }) => supervisor?.live?.handshake.hooks.includes(point) === true)
    .sort((a, b) => a.candidate.manifest.priority - b.candidate.manifest.priority)
    .slice(0, MAX_HANDLERS);
}

/**
 * Runs one hook. A microapp that fails, is late or says something unreadable counts as content, so
 * that a broken one cannot silence the others' agents.
 */
export async function runHookChain(
  point: HookPoint,
  params: JsonObject,
  context: CallContext,
  { slots, calls, timeoutMs, logFor }: HookChainDeps,
): Promise<HookOutcome> {
  let current = withBody(point, params);
  let mute = false;
  const handlers = handlersOf(point, slots().filter((slot) => worksFor(slot, context.account)));
  for (const { candidate: { id: microappId } } of handlers) {
    const log = logFor(microappId);
    const asked: JsonObject = { ...current, _meta: context.meta };
    let vote: HookVote | null;
    try {
      const answer = await calls.make({
        microappId,
        account: context.account,
        method: `hooks/${point}`,
        params: () => asked,
        timeoutMs,
        signal: context.signal,
      });
      vote = readVote(answer);
    } catch (error) {
      if (context.signal?.aborted === true) throw error;
      log.warn("microapp.hook_failed", { point, error: messageOf(error) });
      continue;
    }
    if (vote === null) log.warn("microapp.hook_malformed", { point });
    else if (vote.kind === "block") {
      if (!point.startsWith("before_")) log.warn("microapp.hook_too_late", { point });
      else {
        const blocked = { microappId, reason: vote.reason };
        return { blocked, mute: mute || vote.mute, params: current };
      }
    } else {
      if (vote.kind === "transform") mute ||= vote.mute;
      current = applyVote(point, current, vote);
    }
  }
  return { blocked: null, mute, params: current };
}
