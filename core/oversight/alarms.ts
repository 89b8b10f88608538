/**
 * What happens when nobody acts: a pause ends by itself or is called forgotten, an escalation is overdue.
 *
 * The times are on disk; this only looks at them when one has come.
 *
 * @module
 */
import { codeOf, messageOf } from "../contract/mod.ts";
import { openScope } from "../flow/scope.ts";
import type { OversightDeps } from "./deps.ts";
import { rowsForOverdue, unremindedForOperator } from "./escalation_rows.ts";
import { rowsForAlerted } from "./pause_rows.ts";
import type { Pause, Pauses } from "./pauses.ts";
import { readPending } from "./pending_rows.ts";
import { takeoverOf } from "./sayings.ts";
import { scopeOfRow, wireScope } from "./scopes.ts";

/** Looks at least so often, so that a change of config counts soon; in milliseconds. */
const MOST_MS = 30_000;
/** Looks again after what went wrong, in milliseconds. */
const FAULT_MS = 5_000;
/** Overdue escalations told at a time. */
const BATCH = 50;

/** The running watch. */
export interface Alarms extends AsyncDisposable {
  /** Looks again: there may be a time that comes before all others. */
  readonly nudge: () => void;
}

/** Starts to look; `giveBack` ends a pause whose time has come. */
export function openAlarms(
  deps: OversightDeps & {
    readonly pauses: Pauses;
    readonly giveBack: (pause: Pause) => Promise<void>;
  },
): Alarms {
  const { store, pauses, rows, now, log } = deps;
  const scope = openScope({ onError: (error) => log.error("oversight.failed", { error }) });
  let timer: NodeJS.Timeout | undefined;
  let looking = false;
  let nudged = false;
  let closed = false;

  function lookAfter(ms: number): void {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(look, Math.min(Math.max(ms, 0), MOST_MS));
  }

  function look(): void {
    if (looking) {
      nudged = true;
      return;
    }
    looking = true;
    scope.run(async () => {
      let nextMs = FAULT_MS;
      try {
        nextMs = await tendAll() - now();
      } catch (error) {
        log.error("oversight.unwatched", { code: codeOf(error), error: messageOf(error) });
      } finally {
        looking = false;
        lookAfter(nudged ? 0 : nextMs);
        nudged = false;
      }
    });
  }

  /** Does what is due; returns when something will be next. */
  async function tendAll(): Promise<number> {
    const times = [now() + MOST_MS];
    for (const pause of pauses.all()) times.push(await tendPause(pause));
    for (const row of await unremindedForOperator(store, BATCH)) {
      const dueAtMs = row.due_at_ms ?? 0;
      times.push(dueAtMs > now() ? dueAtMs : now());
      if (dueAtMs > now()) break;
      const { account_id: account, agent_id, urgency, requested_at_ms } = row;
      await tell([
        ...rowsForOverdue(row, now()),
        ...rows.events({
          account,
          events: [{
            kind: "escalation_overdue",
            agent_id,
            scope: wireScope(scopeOfRow(row)),
            urgency,
            requested_at_ms,
            at_ms: now(),
          }],
        }),
      ]);
    }
    return Math.min(...times);
  }

  async function tendPause(pause: Pause): Promise<number> {
    const { actedAtMs, autoResumeMs, alertedAtMs } = pause;
    const resumeAtMs = autoResumeMs === null ? Infinity : actedAtMs + autoResumeMs;
    if (resumeAtMs <= now()) {
      await deps.giveBack(pause);
      return Infinity;
    }
    if (alertedAtMs !== null) return resumeAtMs;
    const alertAtMs = actedAtMs + takeoverOf(deps, pause.scope.agentId).forgotten_after;
    if (alertAtMs > now()) return Math.min(resumeAtMs, alertAtMs);
    const pending = (await readPending(store, pause.scope)).length;
    const told = await tell([
      ...rowsForAlerted(pause, now()),
      ...rows.events({
        account: pause.scope.account,
        events: [{
          kind: "pause_forgotten",
          agent_id: pause.scope.agentId,
          scope: wireScope(pause.scope),
          operator_token_hash: pause.operator.hash,
          paused_at_ms: pause.pausedAtMs,
          pending,
          at_ms: now(),
        }],
      }),
    ]);
    const current = pauses.get(pause.scope);
    if (told && current?.id === pause.id && current.actedAtMs === actedAtMs) {
      pauses.set({ ...current, alertedAtMs: now() });
    }
    return resumeAtMs;
  }

  /** Commits once; false when somebody acted meanwhile. */
  async function tell(writes: Parameters<typeof store.commit>[0]): Promise<boolean> {
    try {
      await store.commit(writes);
      return true;
    } catch (error) {
      if (codeOf(error) !== "conflict") throw error;
      return false;
    }
  }

  look();
  return {
    nudge: look,
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      await scope[Symbol.asyncDispose]();
    },
  };
}
