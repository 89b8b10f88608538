/**
 * One turn: messages of one conversation in, at most one reply out, everything on record.
 *
 * Each step that has an effect outside (a model call, a tool call) is journalled before the next one
 * begins, in the commit that the next one needs anyway where it needs one. A turn that is interrupted
 * runs again under the same id and replays what it had finished.
 *
 * @module
 */
import { bindingId, CodedError, codeOf, type Inbound, messageOf } from "../contract/mod.ts";
import { isTimeout, openDeadline } from "../flow/deadline.ts";
import { inSpan, type Span } from "../flow/trace.ts";
import type { ModelMessage } from "../models/model.ts";
import { ModelError } from "../models/model_error.ts";
import type { Journal } from "../queues/turn_steps.ts";
import { converse } from "./converse.ts";
import { fallbackReply } from "./fallback.ts";
import { hearHeld } from "./held_messages.ts";
import { assertOurs } from "./ownership.ts";
import { type Policy, policyOf } from "./policy.ts";
import { userText } from "./prompt.ts";
import { recall } from "./recall.ts";
import { sessionIdOf } from "./session.ts";
import { createTurnHooks } from "./turn_hooks.ts";
import { createTurnRecord, type TurnRecord } from "./turn_record.ts";
import type { TurnDeps, TurnInbounds, TurnJob, TurnResult } from "./turn_types.ts";

/** Failed runs after which a turn is given up. */
export const MAX_ATTEMPTS = 3;
/** Starts after which a turn counts as the cause of the crashes that interrupted it. */
const MAX_STARTS = 20;
/** Pauses after the first and the second failure, in milliseconds. */
const RETRY_PAUSES_MS = [5_000, 30_000];
/** The longest pause a provider can ask for, in milliseconds. */
const MAX_PAUSE_MS = 3_600_000;

/**
 * Runs a turn to its end, or says when to try it again.
 *
 * @throws when `signal` aborts; the turn then stays open and is picked up at the next start
 */
export function runTurn(job: TurnJob, deps: TurnDeps, signal: AbortSignal): Promise<TurnResult> {
  const { turnId, account, attempts } = job;
  const attributes = {
    "nexo.turn_id": turnId,
    "nexo.account_id": account,
    "nexo.attempt": attempts + 1,
  };
  return inSpan("turn", { attributes }, async (span) => {
    const result = await runOnce(job, deps, signal, span);
    span.setAttribute("nexo.outcome", result.kind === "finished" ? result.outcome : result.kind);
    return result;
  });
}

async function runOnce(
  job: TurnJob,
  deps: TurnDeps,
  signal: AbortSignal,
  span: Span,
): Promise<TurnResult> {
  const [first, ...rest] = await deps.inbounds.load(job.account, job.inboundIds);
  if (first === undefined) return erasedTurn(job.turnId);
  const inbounds: TurnInbounds = [first, ...rest];
  span.setAttributes({
    "nexo.agent_id": first.key.agent_id,
    "nexo.trigger": first.trigger,
    "nexo.binding_id": bindingId(first.key.channel, first.key.instance),
  });
  const isNew = job.starts === 0;
  const journal = await deps.steps.open(job.account, job.turnId, { isNew });
  const record = createTurnRecord(job, inbounds, journal, deps);
  const verdict = policyOf(deps.settings(), first.key, first.delegation?.callers);
  if (verdict.kind === "refused" && verdict.waits) return { kind: "parked" };
  // A turn that has begun before must be on record, also when it cannot go on.
  if (isNew && canWait(first) && deps.takeover.holds(first.key)) {
    const heard = await hearHeld(inbounds, { job, deps, signal });
    if (await record.holdUnanswered(heard)) return { kind: "held" };
  }
  record.begin();
  // Others count with the first thing they keep: before it a run has done nothing to be repeated.
  if (!isNew || job.recovered === true) await journal.settle();

  if (verdict.kind === "refused") {
    return record.giveUp(new CodedError(verdict.code, verdict.reason), null);
  }
  const muted = deps.mutes.isMuted(job.account, sessionIdOf(first.key), job.turnId);
  if (muted instanceof Promise ? await muted : muted) {
    return record.finish({ outcome: "refused", error: "conversation_muted", reply: null });
  }
  try {
    if (job.starts >= MAX_STARTS) {
      throw new CodedError("internal", `Cannot run turn: it was interrupted ${job.starts} times`);
    }
    assertOurs(first, deps.takeover);
    const admission = await deps.admit(inbounds, job.turnId, journal.settle);
    if (admission.kind === "answer") {
      const { text: reply, code } = admission;
      return await record.finish({ outcome: "refused", error: "pairing", reply, code });
    }
    if (admission.kind === "drop") {
      const error = `not admitted: ${admission.reason}`;
      return await record.finish({ outcome: "refused", error, reply: null });
    }
    return await answerInTime(verdict.policy, inbounds, record, { job, journal, deps, signal });
  } catch (error) {
    // What was done stays done, however the turn goes on.
    await journal.salvage();
    if (signal.aborted) throw error;
    if (canWait(first)) {
      if (deps.takeover.holds(first.key)) return stepAside(job, record, deps);
      const now = policyOf(deps.settings(), first.key);
      if (now.kind === "refused" && now.waits) return putOff(job, deps);
    }
    return afterFailure(error, verdict.policy, { job, first, record, deps });
  }
}

/** Whether messages may wait for a person to give back the conversation: nobody waits for the answer. */
function canWait({ trigger }: Inbound): boolean {
  return trigger !== "delegation";
}

/** Nothing is left of its messages, so nothing is left to do or to record. */
function erasedTurn(turnId: string): TurnResult {
  const error = "erased: its messages are gone";
  return { kind: "finished", turnId, outcome: "refused", error, reply: null };
}

/** Ends a turn in whose conversation a person has taken over: nothing it would have said goes out. */
async function stepAside(job: TurnJob, record: TurnRecord, deps: TurnDeps): Promise<TurnResult> {
  if (await record.withhold()) return { kind: "held" };
  // The person has given it back meanwhile.
  return putOff(job, deps);
}

/** Lets a turn go on as soon as it may; what was finished is replayed. */
async function putOff(job: TurnJob, deps: TurnDeps): Promise<TurnResult> {
  const nextAtMs = deps.now();
  await deps.store.commit(deps.inbounds.rowsForRetry(job.account, job.inboundIds, nextAtMs));
  return { kind: "retry", nextAtMs };
}

/** One run of a turn. */
interface TurnRun {
  readonly job: TurnJob;
  readonly journal: Journal;
  readonly deps: TurnDeps;
  readonly signal: AbortSignal;
}

async function answerInTime(
  policy: Policy,
  inbounds: TurnInbounds,
  record: TurnRecord,
  { job, journal, deps, signal }: TurnRun,
): Promise<TurnResult> {
  const limitMs = Math.min(policy.agent.config.turn_timeout_ms, job.limitMs ?? Infinity);
  using deadline = openDeadline(signal, limitMs);
  using _typing = deps.typing(inbounds.at(-1) ?? inbounds[0], job.turnId);
  try {
    return await answer(policy, inbounds, record, { job, journal, deps, signal: deadline.signal });
  } catch (error) {
    if (!isTimeout(error) || signal.aborted) throw error;
    const message = `Cannot finish turn: it took over ${limitMs} ms`;
    throw new CodedError("turn_timeout", message, { cause: error });
  }
}

async function answer(
  policy: Policy,
  inbounds: TurnInbounds,
  record: TurnRecord,
  { job, journal, deps, signal }: TurnRun,
): Promise<TurnResult> {
  const [first] = inbounds;
  const sessionId = sessionIdOf(first.key);
  const hooks = createTurnHooks({ job, inbounds, journal, deps, signal });
  record.useModel(policy.model);

  const brought = deps.files.gather(inbounds, signal);
  const { files, notes } = brought instanceof Promise ? await brought : brought;
  const said = [userText(inbounds), ...notes].join("\n");
  const asked = hooks.beforeMessage(said);
  const heard = asked instanceof Promise ? await asked : asked;
  if (heard.kind === "blocked") {
    record.heard(said);
    const error = `stopped by a hook: ${heard.reason}`;
    return record.finish({ outcome: "refused", error, reply: null });
  }

  const question: ModelMessage = files.length === 0
    ? { role: "user", content: heard.text }
    : { role: "user", content: heard.text, files: [...files] };
  record.heard(heard.text, { changed: heard.text !== said, files, notes });
  const turn = {
    account: job.account,
    turnId: job.turnId,
    sessionId,
    policy,
    inbounds,
    journal,
    record,
    deps,
    signal,
  };
  const { summary, messages } = await recall(turn);
  const answer = await converse({
    summary,
    messages: [...messages, question],
    hooks,
    ...turn,
  });
  const last = answer.content === "" ? "" : hooks.afterMessage(heard.text, answer.content);
  const reply = last instanceof Promise ? await last : last;
  record.said({ ...answer, content: reply });
  assertOurs(first, deps.takeover);
  return record.finish({ outcome: "ok", error: null, reply });
}

async function afterFailure(
  error: unknown,
  policy: Policy,
  { job, first, record, deps }: {
    job: TurnJob;
    first: Inbound;
    record: TurnRecord;
    deps: TurnDeps;
  },
): Promise<TurnResult> {
  const attempt = job.attempts + 1;
  // The caller of a task is told at once, and decides itself what to do about it.
  const retryable = first.trigger !== "delegation" &&
    (!(error instanceof CodedError) || error.retryable);
  deps.log.warn("turn.failed", {
    turn: job.turnId,
    account: job.account,
    code: codeOf(error),
    error: deps.redact(messageOf(error), job.account),
    attempt,
  });
  const pauseMs = RETRY_PAUSES_MS[attempt - 1];
  if (retryable && attempt < MAX_ATTEMPTS && job.starts < MAX_STARTS && pauseMs !== undefined) {
    const wantedMs = error instanceof ModelError ? error.retryAfterMs ?? 0 : 0;
    const nextAtMs = deps.now() + Math.max(pauseMs, Math.min(wantedMs, MAX_PAUSE_MS));
    await deps.store.commit(deps.inbounds.rowsForRetry(job.account, job.inboundIds, nextAtMs));
    return { kind: "retry", nextAtMs };
  }
  return record.giveUp(error, first.trigger === "channel" ? fallbackReply(policy, error) : null);
}
