/**
 * Asks all microapps that want to be asked, one after another.
 *
 * @module
 */
import { CodedError, lineJson, messageOf } from "../contract/mod.ts";
import { type Log } from "../flow/log.ts";
import { type CallContext, type Calls, worksFor } from "./calls.ts";
import type { HookPoint } from "./handshake.ts";
import {
  applyVote,
  type HookEffect,
  type HookOutcome,
  type HookVote,
  type HookWord,
  readVote,
  withBody,
} from "./hooks.ts";
import type { JsonObject } from "./json.ts";
import { tracedMeta } from "./meta_json.ts";
import type { Slot } from "./slots.ts";

const MAX_HANDLERS = 128;

/**
 * The microapps without whose say nothing passes `point` for a tenant. They count whether they run
 * or not: one that is down cannot have agreed.
 */
export type Guards = (point: HookPoint, account: string) => readonly string[];

/** What a chain of hooks needs. */
export interface HookChainDeps {
  /** In the order of their ids. */
  readonly slots: () => readonly Slot[];
  readonly guards: Guards;
  readonly calls: Calls;
  readonly timeoutMs: number;
  readonly logFor: (microappId: string) => Log;
}

/** One that is to be asked. */
interface Handler {
  readonly microappId: string;
  readonly priority: number;
  /** Whether its handshake names the hook; unknown while it does not run. */
  readonly takesPart: boolean | undefined;
  readonly mustAgree: boolean;
}

/** Whether anybody is to be asked at `point`. */
export function isHooked(
  point: HookPoint,
  account: string,
  { slots, guards }: Pick<HookChainDeps, "slots" | "guards">,
): boolean {
  if (guards(point, account).length > 0) return true;
  for (const slot of slots()) {
    if (takesPart(slot, point) === true && worksFor(slot, account)) return true;
  }
  return false;
}

function takesPart({ supervisor }: Slot, point: HookPoint): boolean | undefined {
  return supervisor?.live?.handshake.hooks.includes(point);
}

/** Lower priority first, then by id; one that is to be asked and not known here comes first of all. */
function handlersOf(
  point: HookPoint,
  account: string,
  { slots, guards }: HookChainDeps,
): Handler[] {
  const strict = new Set(guards(point, account));
  const handlers: Handler[] = [];
  for (const slot of slots()) {
    const { id, manifest: { priority } } = slot.candidate;
    const mustAgree = strict.delete(id);
    const asked = worksFor(slot, account) ? takesPart(slot, point) : undefined;
    if (asked !== true && !mustAgree) continue;
    handlers.push({ microappId: id, priority, takesPart: asked, mustAgree });
  }
  const unknown = [...strict].map((microappId): Handler => ({
    microappId,
    priority: -Infinity,
    takesPart: undefined,
    mustAgree: true,
  }));
  return [...unknown, ...handlers].sort((a, b) => a.priority - b.priority).slice(0, MAX_HANDLERS);
}

/**
 * Runs one hook. A microapp that fails, is late or says something unreadable counts as content, so
 * that a broken one cannot silence the others' agents; unless it must have its say.
 */
export async function runHookChain(
  point: HookPoint,
  params: JsonObject,
  context: CallContext,
  deps: HookChainDeps,
): Promise<HookOutcome> {
  const effects: HookEffect[] = [];
  let current = withBody(point, params);
  let mute: HookWord | null = null;
  const ended = (end: Partial<HookOutcome>): HookOutcome => ({
    blocked: null,
    failed: null,
    mute,
    params: current,
    effects,
    ...end,
  });

  for (const handler of handlersOf(point, context.account, deps)) {
    const { microappId } = handler;
    const log = deps.logFor(microappId);
    let vote: HookVote;
    try {
      vote = await ask(handler, point, current, context, deps);
    } catch (error) {
      if (context.signal?.aborted === true) throw error;
      const reason = messageOf(error);
      log.warn("microapp.hook_failed", { point, error: reason, mustAgree: handler.mustAgree });
      if (!handler.mustAgree) continue;
      effects.push({ microappId, effect: "failed", reason });
      return ended({ failed: { microappId, reason } });
    }
    const { kind, reason } = vote;
    if (vote.mute) mute ??= { microappId, reason };
    if (kind === "block") {
      if (point.startsWith("before_")) {
        effects.push({ microappId, effect: kind, reason });
        return ended({ blocked: { microappId, reason } });
      }
      log.warn("microapp.hook_too_late", { point });
      continue;
    }
    const next = applyVote(point, current, vote);
    if (next !== current && kind !== "continue") effects.push({ microappId, effect: kind, reason });
    current = next;
  }
  return ended({});
}

/** @throws what the call throws; {@linkcode CodedError} `hook_failed` when the answer is no answer */
async function ask(
  { microappId, takesPart }: Handler,
  point: HookPoint,
  params: JsonObject,
  { account, meta, signal }: CallContext,
  { calls, timeoutMs }: HookChainDeps,
): Promise<HookVote> {
  const method = `hooks/${point}`;
  if (takesPart === false) {
    throw new CodedError("hook_failed", `Cannot ask "${microappId}": it does not take ${method}`);
  }
  const answer = await calls.make({
    microappId,
    account,
    method,
    timeoutMs,
    signal,
    params: () => lineJson({ ...params, _meta: tracedMeta(meta) }),
    read: (result) => result,
  });
  const vote = readVote(answer);
  if (vote !== null) return vote;
  throw new CodedError("hook_failed", `Cannot read what "${microappId}" says to ${method}`);
}
