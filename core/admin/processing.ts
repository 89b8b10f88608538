/**
 * `nexo/admin/processing/*`: people take conversations over from agents, and give them back.
 *
 * @module
 */
import { PROCESSING_METHODS } from "../contract/admin/processing.ts";
import { CodedError, type ConversationKey } from "../contract/mod.ts";
import type { Oversight } from "../oversight/oversight.ts";
import { wireState } from "../oversight/pausing.ts";
import { keyOfScope, type Scope } from "../oversight/scopes.ts";
import { type AdminMethod, methodsOf } from "./method.ts";
import {
  findScope,
  isPausable,
  notImplemented,
  operatorOf,
  scopeOf,
  type ScopeParamDeps,
} from "./scope_params.ts";

/** What these methods need. */
export interface ProcessingMethodDeps extends Omit<ScopeParamDeps, "pauses"> {
  readonly oversight: Pick<Oversight, "pause" | "resume" | "intervene" | "pauses">;
  /** The conversation of a session, when the tenant has it. */
  readonly conversationOf: (
    account: string,
    sessionId: string,
  ) => Promise<ConversationKey | undefined>;
  readonly sessionIdOf: (key: ConversationKey) => string;
  readonly uuid: () => string;
}

/** Returns the methods on takeovers. */
export function processingMethods(given: ProcessingMethodDeps): AdminMethod[] {
  const { oversight, uuid } = given;
  const deps = { ...given, pauses: oversight.pauses };

  /** The conversation a session is, which must lie in the scope. */
  async function conversationIn(scope: Scope, sessionId: string): Promise<ConversationKey> {
    if (scope.kind === "conversation") {
      const key = keyOfScope(scope);
      if (deps.sessionIdOf(key) === sessionId) return key;
    } else {
      const key = await deps.conversationOf(scope.account, sessionId);
      const inside = key !== undefined && key.agent_id === scope.agentId &&
        (scope.kind === "agent" ||
          (key.channel === scope.channel && key.instance === scope.instance));
      if (inside) return key;
    }
    throw new CodedError("invalid_params", "session_id is not in the scope");
  }

  return methodsOf(PROCESSING_METHODS, {
    async "nexo/admin/processing/pause"(params, call) {
      const scope = scopeOf(params.scope, call, deps);
      const operator = operatorOf(params, scope, call, deps);
      const { auto_resume_ms: autoResume } = params;
      const { changed, pause } = await oversight.pause(scope, operator, {
        reason: params.reason ?? undefined,
        autoResumeMs: autoResume == null ? undefined : autoResume === 0 ? null : autoResume,
      });
      return { changed, correlation_id: uuid(), state: wireState(pause) };
    },

    async "nexo/admin/processing/resume"(params, call) {
      const scope = scopeOf(params.scope, call, deps);
      const { session_id: sessionId, summary_for_agent: text } = params;
      if (text != null && sessionId == null) {
        throw new CodedError("invalid_params", "session_id_required_with_summary");
      }
      const operator = operatorOf(params, scope, call, deps);
      const key = sessionId == null ? undefined : await conversationIn(scope, sessionId);
      const { changed, drained } = await oversight.resume(scope, operator, {
        ...(text == null || key === undefined ? {} : { summary: { key, text } }),
        runTurn: params.run_turn ?? undefined,
        force: params.force ?? false,
      });
      return {
        changed,
        correlation_id: uuid(),
        ...(text == null ? {} : { transcript_stamped: changed }),
        ...(drained === 0 ? {} : { drained_pending: drained }),
      };
    },

    async "nexo/admin/processing/intervention"(params, call) {
      const { action } = params;
      if (!isPausable(params.scope)) {
        throw notImplemented(call, "v0 routes only Conversation scope");
      }
      if (action.kind === "override_output" || action.kind === "custom") {
        throw notImplemented(call, "v0 routes only Reply action");
      }
      const scope = scopeOf(params.scope, call, deps);
      const operator = operatorOf(params, scope, call, deps);
      const { changed, id, stamped } = await oversight.intervene(scope, operator, action, {
        key: params.idempotency_key ?? undefined,
      });
      return { changed, correlation_id: id, transcript_stamped: stamped };
    },

    "nexo/admin/processing/state"(params, call) {
      const scope = isPausable(params.scope) ? findScope(params.scope, call, deps) : undefined;
      const pause = scope && oversight.pauses.get(scope);
      return Promise.resolve({ state: wireState(pause) });
    },
  });
}
