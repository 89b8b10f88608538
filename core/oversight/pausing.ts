/**
 * Taking over: from the commit on, nothing an agent says in the scope goes out.
 *
 * @module
 */
import { CodedError, type ProcessingControlState } from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import type { Write } from "../store/store.ts";
import { untilCommitted } from "./attempts.ts";
import type { OversightDeps } from "./deps.ts";
import type { Escalations } from "./escalations.ts";
import { rowsForActed, rowsForPaused } from "./pause_rows.ts";
import type { Operator, Pause, Pauses } from "./pauses.ts";
import { type Sayings, takeoverOf } from "./sayings.ts";
import { type Scope, wireScope } from "./scopes.ts";
import type { Withheld } from "./withheld.ts";

/** How long a pause waits for sends that a channel was asked for before it, in milliseconds. */
const SETTLE_MS = 5_000;

/** What an operator may say with a pause. */
export interface PauseOptions {
  readonly reason?: string | undefined;
  /** In place of the configured time; null means that it never ends by itself. */
  readonly autoResumeMs?: number | null | undefined;
}

/** A pause, and whether this call brought it about. */
export interface PauseResult {
  readonly changed: boolean;
  readonly pause: Pause;
}

/** Takes a scope over, unless somebody else has it. */
export type TakeOver = (
  scope: Scope,
  operator: Operator,
  options: PauseOptions,
) => Promise<PauseResult>;

/** Whether two names stand for one person: one token, and no two different names. */
export function isSame(a: Operator, b: Operator): boolean {
  return a.hash === b.hash && (a.name === null || b.name === null || a.name === b.name);
}

/** @throws {CodedError} `invalid_params` while another operator's lease of the pause stands */
export function assertFree(pause: Pause, operator: Operator, nowMs: number): void {
  if (isSame(pause.operator, operator) || pause.leaseUntilMs <= nowMs) return;
  const { name, hash } = pause.operator;
  const until = new Date(pause.leaseUntilMs).toISOString();
  throw new CodedError("invalid_params", `held_by_other: ${name ?? hash} until ${until}`);
}

/** The state of a scope as the wire says it. */
export function wireState(pause: Pause | undefined): ProcessingControlState {
  if (pause === undefined) return { state: "agent_active" };
  const { operator, reason, autoResumeMs } = pause;
  return {
    state: "paused_by_operator",
    scope: wireScope(pause.scope),
    paused_at_ms: pause.pausedAtMs,
    operator_token_hash: operator.hash,
    ...(operator.name === null ? {} : { operator_name: operator.name }),
    lease_until_ms: pause.leaseUntilMs,
    ...(autoResumeMs === null ? {} : { resumes_at_ms: pause.actedAtMs + autoResumeMs }),
    ...(reason === null ? {} : { reason }),
  };
}

/** Rows for the event of a scope that changed hands. */
export function rowsForStateEvent(
  deps: Pick<OversightDeps, "rows" | "now">,
  scope: Scope,
  before: Pause | undefined,
  after: Pause | undefined,
): Write[] {
  return deps.rows.events({
    account: scope.account,
    events: [{
      kind: "processing_state_changed",
      agent_id: scope.agentId,
      scope: wireScope(scope),
      prev_state: wireState(before),
      new_state: wireState(after),
      at_ms: deps.now(),
    }],
  });
}

/** Returns the function that takes scopes over. Calls for one scope must come one after another. */
export function createTakeOver(
  deps: OversightDeps & {
    readonly pauses: Pauses;
    readonly sayings: Sayings;
    readonly withheld: Withheld;
    readonly escalations: Pick<Escalations, "rowsForTakenOver">;
  },
): TakeOver {
  const { store, pauses, sayings, withheld, escalations, now } = deps;

  return async function takeOver(scope, operator, options) {
    const before = pauses.get(scope);
    if (before !== undefined) return again(before, operator);
    const nowMs = now();
    const pause = newPause(scope, operator, options, nowMs);
    // From here on no turn begins and no send starts; what a channel was asked for already is let end.
    const open = pauses.shut(scope);
    const { ids, settled } = deps.sendsUnderWay(scope.account);
    try {
      const handoff = await sayings.handoff(pause);
      await untilCommitted(async () =>
        store.commit([
          ...rowsForPaused(pause),
          ...await withheld.rowsForScope(scope, ids),
          ...await escalations.rowsForTakenOver(scope, operator),
          ...rowsForStateEvent(deps, scope, undefined, pause),
          ...handoff.writes,
        ])
      );
      pauses.set(pause);
      deps.wakeSends(scope.account);
      handoff.send();
    } finally {
      open();
    }
    await Promise.race([settled, delay(SETTLE_MS)]);
    return { changed: true, pause };
  };

  /** A scope that is paused: its operator's lease begins anew, another gets it once the lease is over. */
  async function again(pause: Pause, operator: Operator): Promise<PauseResult> {
    const nowMs = now();
    const same = isSame(pause.operator, operator);
    if (!same && pause.leaseUntilMs > nowMs) return { changed: false, pause };
    const renewed: Pause = {
      ...pause,
      operator: same ? { ...operator, name: operator.name ?? pause.operator.name } : operator,
      actedAtMs: nowMs,
      leaseUntilMs: nowMs + takeoverOf(deps, pause.scope.agentId).lease,
      alertedAtMs: null,
    };
    await store.commit([
      ...rowsForActed(pause, renewed.operator, {
        atMs: nowMs,
        leaseUntilMs: renewed.leaseUntilMs,
      }),
      ...(same ? [] : rowsForStateEvent(deps, pause.scope, pause, renewed)),
    ]);
    pauses.set(renewed);
    return { changed: !same, pause: renewed };
  }

  function newPause(
    scope: Scope,
    operator: Operator,
    { reason, autoResumeMs }: PauseOptions,
    nowMs: number,
  ): Pause {
    const config = takeoverOf(deps, scope.agentId);
    return {
      scope,
      id: deps.uuid(),
      pausedAtMs: nowMs,
      operator,
      reason: reason === undefined ? null : deps.redact(reason, scope.account),
      leaseUntilMs: nowMs + config.lease,
      actedAtMs: nowMs,
      autoResumeMs: autoResumeMs === undefined ? config.auto_resume_after ?? null : autoResumeMs,
      alertedAtMs: null,
    };
  }
}
