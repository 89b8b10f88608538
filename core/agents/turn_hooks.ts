/**
 * The hooks of one turn: each asked once, applied, and kept with what it caused.
 *
 * @module
 */
import { z } from "zod";
import { type AgentEvent, bindingId, type CallMeta, CodedError } from "../contract/mod.ts";
import { type Soon, whenHere } from "../flow/soon.ts";
import type { HookPoint } from "../microapps/handshake.ts";
import type { HookOutcome } from "../microapps/hooks.ts";
import type { Journal, StepResult } from "../queues/turn_steps.ts";
import type { Write } from "../store/store.ts";
import { callMeta } from "./call_meta.ts";
import { sessionIdOf, stepId } from "./session.ts";
import type { GatedCall, Refusal, ToolGate } from "./tool_gate.ts";
import type { TurnDeps, TurnInbounds, TurnJob } from "./turn_types.ts";

const HookWord = z.strictObject({ microappId: z.string(), reason: z.string() });

/** What is kept of a hook: enough to act on it again. */
const Verdict = z.strictObject({
  blocked: HookWord.nullable(),
  failed: HookWord.nullable(),
  /** The member of the params that the host takes back. */
  value: z.unknown(),
});
type Verdict = z.infer<typeof Verdict>;

/** Whether a tool is called, and with what. */
export type Admission =
  | {
    readonly kind: "call";
    readonly callId: string;
    readonly arguments: unknown;
    /** Whether hooks changed the arguments. */
    readonly changed: boolean;
  }
  | {
    readonly kind: "refused";
    readonly callId: string;
    readonly refusal: Refusal;
    /** Whether a hook said no, so that those after the call hear of it. */
    readonly byHook: boolean;
  };

/** Admissions that are kept: those that hooks had their say in. */
const HookedAdmission = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("call"),
    callId: z.string(),
    arguments: z.unknown(),
    changed: z.boolean(),
  }),
  z.strictObject({
    kind: z.literal("refused"),
    callId: z.string(),
    refusal: z.strictObject({
      outcome: z.literal("blocked"),
      text: z.string(),
      limited: z.null(),
    }),
    byHook: z.boolean(),
  }),
]);

/** What the hooks before a message made of it: its text, or an end without a reply. */
export type HeardMessage =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "blocked"; readonly reason: string };

/** The hooks of one turn. Each takes its step in the journal whether anybody is asked or not. */
export interface TurnHooks {
  /** @throws {CodedError} `hook_failed` when one that must have its say gives none */
  readonly beforeMessage: (text: string) => Soon<HeardMessage>;
  /** The reply to send. @throws {CodedError} `hook_failed`, as {@linkcode TurnHooks.beforeMessage} */
  readonly afterMessage: (textIn: string, textOut: string) => Soon<string>;
  /** Takes a call through the gate's first step and the hooks. */
  readonly beforeToolCall: (call: GatedCall, gate: ToolGate) => Soon<Admission>;
  /** What the model reads: the result's text, or that it is withheld. */
  readonly afterToolCall: (result: HookedResult, admission: Admission) => Soon<string>;
}

/** What hooks hear of a finished call. */
export interface HookedResult {
  readonly tool: string;
  readonly outcome: string;
  readonly text: string;
  readonly durationMs: number;
}

/** What the hooks of a turn are asked about. */
export interface TurnHookDeps {
  readonly job: TurnJob;
  readonly inbounds: TurnInbounds;
  readonly journal: Pick<Journal, "commit" | "settle" | "step">;
  readonly deps: Pick<TurnDeps, "hooks" | "mutes" | "now" | "redact" | "rows">;
  readonly signal: AbortSignal;
}

/** Returns the hooks of one run of a turn. */
export function createTurnHooks(given: TurnHookDeps): TurnHooks {
  const { job: { account, turnId }, inbounds, journal, deps: { hooks }, signal } = given;
  const [first] = inbounds;
  const sessionId = sessionIdOf(first.key);
  const who = { agent_id: first.key.agent_id, session_id: sessionId };
  const isHooked = (point: HookPoint): boolean => hooks.hasHooks(point, account);
  const metaOf = (callId?: string): CallMeta => callMeta(sessionId, inbounds, callId);

  /** Asks now; the step is the caller's matter. */
  async function ask(
    point: HookPoint,
    params: Readonly<Record<string, unknown>>,
    callId?: string,
  ): Promise<HookOutcome> {
    const meta = metaOf(callId);
    await journal.settle();
    return hooks.runHook(point, { ...who, ...params }, { meta, account, signal });
  }

  /** One journalled hook about a message; a failed one is not kept, so that it is asked again. */
  function askOnce(
    point: "before_message" | "after_message",
    member: "text" | "text_out",
    params: Readonly<Record<string, unknown>>,
  ): Soon<Verdict> {
    return journal.step<Verdict>(
      () => isHooked(point) ? askAbout(point, member, params) : unasked(params[member]),
      parseVerdict,
    );
  }

  async function askAbout(
    point: "before_message" | "after_message",
    member: "text" | "text_out",
    params: Readonly<Record<string, unknown>>,
  ): Promise<StepResult<Verdict>> {
    const outcome = await ask(point, params);
    const writes = rowsForHook(point, outcome, given);
    if (outcome.failed !== null) {
      await journal.commit(writes);
      throw hookFailed(point, outcome.failed);
    }
    const { blocked, failed, params: { [member]: value } } = outcome;
    return { result: { blocked, failed, value }, writes };
  }

  /** What hooks make of a call that the gate let pass. */
  function heard(call: GatedCall, callId: string): Soon<StepResult<Admission>> {
    if (!isHooked("before_tool_call")) {
      const { arguments: args } = call;
      return {
        result: { kind: "call", callId, arguments: args, changed: false },
        writes: undefined,
      };
    }
    return askBefore(call, callId);
  }

  async function askBefore(call: GatedCall, callId: string): Promise<StepResult<Admission>> {
    const params = { tool_name: call.name, arguments: call.arguments };
    const outcome = await ask("before_tool_call", params, callId);
    return {
      result: admissionOf(call, callId, outcome),
      writes: rowsForHook("before_tool_call", outcome, given, callId),
    };
  }

  async function askAfter(
    { tool, durationMs, text, outcome: how }: HookedResult,
    { kind, callId }: Admission,
  ): Promise<StepResult<Verdict>> {
    const outcome = await ask("after_tool_call", {
      tool_name: tool,
      duration_ms: durationMs,
      result: text,
      error: how === "ok" ? null : kind === "refused" ? "blocked-by-hook" : text,
    }, callId);
    return {
      result: { blocked: null, failed: outcome.failed, value: null },
      writes: rowsForHook("after_tool_call", outcome, given, callId),
    };
  }

  return {
    beforeMessage(text) {
      const source = first.key.channel;
      const verdict = askOnce("before_message", "text", { text, source });
      return whenHere(verdict, ({ blocked, value }): HeardMessage => {
        if (blocked !== null) return { kind: "blocked", reason: sentenceOf(blocked) };
        return { kind: "text", text: typeof value === "string" ? value : text };
      });
    },
    afterMessage(textIn, textOut) {
      const params = { text_in: textIn, text_out: textOut };
      const verdict = askOnce("after_message", "text_out", params);
      return whenHere(verdict, ({ value }) => typeof value === "string" ? value : textOut);
    },
    beforeToolCall(call, gate) {
      return journal.step((step) => {
        // The call is the step after this one.
        const callId = stepId(turnId, step + 1, "call");
        return whenHere(
          gate.admit(call, account),
          (refusal) => refusal === undefined ? heard(call, callId) : refused(callId, refusal),
        );
      }, parseAdmission);
    },
    afterToolCall(result, admission) {
      const ran = admission.kind === "call" || admission.byHook;
      const asks = ran && isHooked("after_tool_call");
      const verdict = journal.step<Verdict>(
        () => asks ? askAfter(result, admission) : unasked(null),
        parseVerdict,
      );
      return whenHere(
        verdict,
        ({ failed }) =>
          failed === null
            ? result.text
            : `error: the result of tool "${result.tool}" is withheld by ${sentenceOf(failed)}`,
      );
    },
  };
}

const parseAdmission = (stored: unknown): Admission => HookedAdmission.parse(stored);
const parseVerdict = (stored: unknown): Verdict => Verdict.parse(stored);

/** What a step came to that asked nobody. */
function unasked(value: unknown): StepResult<Verdict> {
  return { result: { blocked: null, failed: null, value }, writes: undefined };
}

/** The gate's own word needs no keeping: it is said again. */
function refused(callId: string, refusal: Refusal): StepResult<Admission> {
  return { result: { kind: "refused", callId, refusal, byHook: false }, writes: undefined };
}

function admissionOf(call: GatedCall, callId: string, outcome: HookOutcome): Admission {
  const { blocked, failed, params: { arguments: args } } = outcome;
  const no = blocked ?? failed;
  if (no !== null) {
    const text = `tool \`${call.name}\` blocked by extension \`${no.microappId}\`: ${no.reason}`;
    const refusal: Refusal = { outcome: "blocked", text, limited: null };
    return { kind: "refused", callId, refusal, byHook: true };
  }
  const changed = args !== call.arguments && typeof args === "object" && args !== null;
  return { kind: "call", callId, arguments: changed ? args : call.arguments, changed };
}

/** What a hook caused: an event for each effect, and the mute. */
function rowsForHook(
  point: HookPoint,
  { effects, mute }: HookOutcome,
  { job: { account, turnId }, inbounds: [first], deps }: TurnHookDeps,
  callId?: string,
): Write[] {
  const atMs = deps.now();
  const { key } = first;
  const sessionId = sessionIdOf(key);
  const who = { agent_id: key.agent_id, session_id: sessionId };
  const events = effects.map(({ microappId, effect, reason }): AgentEvent => ({
    kind: "hook_applied",
    ...who,
    turn_id: turnId,
    point,
    microapp_id: microappId,
    effect,
    ...(callId === undefined ? {} : { call_id: callId }),
    ...(reason === "" ? {} : { reason: deps.redact(reason, account) }),
    at_ms: atMs,
  }));
  if (mute === null) return deps.rows.events({ account, events });
  const reason = deps.redact(mute.reason, account);
  const muted: AgentEvent = {
    kind: "conversation_muted",
    ...who,
    binding_id: bindingId(key.channel, key.instance),
    by: mute.microappId,
    ...(reason === "" ? {} : { reason }),
    at_ms: atMs,
  };
  return [
    ...deps.mutes.rowsForMuted({ key, sessionId, by: mute.microappId, reason, turnId, atMs }),
    ...deps.rows.events({ account, events: [...events, muted] }),
  ];
}

function hookFailed(point: HookPoint, word: { microappId: string; reason: string }): CodedError {
  return new CodedError(
    "hook_failed",
    `Cannot go on without ${point} of ${sentenceOf(word)}`,
  );
}

function sentenceOf({ microappId, reason }: { microappId: string; reason: string }): string {
  return `${microappId}: ${reason === "" ? "no reason given" : reason}`;
}
