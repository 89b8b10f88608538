/**
 * Takeover and escalation: people over agents.
 *
 * @module
 */
import type { InterventionAction } from "../contract/mod.ts";
import { createKeyedLock } from "../flow/keyed_lock.ts";
import type { Outbound } from "../queues/outbound.ts";
import type { Write } from "../store/store.ts";
import { type Alarms, openAlarms } from "./alarms.ts";
import type { OversightDeps } from "./deps.ts";
import { createEscalations, type Escalations } from "./escalations.ts";
import { createHold, type Hold } from "./holding.ts";
import { createIntervene, type InterventionResult } from "./intervening.ts";
import { createHearOwn, type HearOwn } from "./own_messages.ts";
import { readPausesForOperator, revisionOf } from "./pause_rows.ts";
import { createPauses, type Operator, type Pause, type Pauses } from "./pauses.ts";
import { assertFree, createTakeOver, type PauseOptions, type PauseResult } from "./pausing.ts";
import { createGiveBack, type ResumeOptions, type ResumeResult } from "./resuming.ts";
import { createSayings, takeoverOf } from "./sayings.ts";
import { type Scope, scopeKey } from "./scopes.ts";
import { createWithheld, WITHHELD_REASON } from "./withheld.ts";

/** Who gives a conversation back when its time has come. */
const TIMER: Operator = { hash: "auto_resume", name: null };

/** Why a message must not go out now. */
export interface SendRefusal {
  readonly code: "conversation_paused";
  readonly reason: string;
  /** Whether it may go later; without it the message is given up. */
  readonly later: boolean;
  /** Rows to commit when it is given up. */
  readonly writes: readonly Write[];
}

/** People over agents. */
export interface Oversight extends AsyncDisposable {
  /** Reads what is paused; until then nothing runs and nothing is sent. Then watches the times. */
  readonly load: () => Promise<void>;
  /** Forgets a tenant's pauses whose rows an erasure took. */
  readonly forgetErased: (account: string) => Promise<void>;
  readonly pauses: Pick<Pauses, "get" | "over" | "allOver" | "all" | "holds">;
  readonly hold: Hold;
  readonly fence: (outbound: Outbound) => SendRefusal | undefined;
  readonly pause: (scope: Scope, operator: Operator, options: PauseOptions) => Promise<PauseResult>;
  /** @throws {CodedError} `invalid_params` while another has it, unless `force` */
  readonly resume: (
    scope: Scope,
    operator: Operator,
    options: Omit<ResumeOptions, "runTurn"> & { runTurn?: boolean | undefined; force: boolean },
  ) => Promise<ResumeResult>;
  /** @throws {CodedError} `invalid_params` when the scope is not paused or not this operator's */
  readonly intervene: (
    scope: Scope,
    operator: Operator,
    action: InterventionAction,
    options: { readonly key?: string | undefined },
  ) => Promise<InterventionResult>;
  readonly escalations: Escalations;
  /** Takes over for whoever of our side wrote to a customer on the channel itself. */
  readonly hearOwn: HearOwn;
}

/** Returns the room; call {@linkcode Oversight.load} before anything else runs. */
export function openOversight(deps: OversightDeps): Oversight {
  const pauses = createPauses();
  const sayings = createSayings(deps);
  const withheld = createWithheld({ ...deps, sayings });
  const escalations = createEscalations({ ...deps, onRequested: () => alarms?.nudge() });
  const parts = { ...deps, pauses, sayings, withheld, escalations };
  const hold = createHold(parts);
  const takeOver = createTakeOver(parts);
  const giveBack = createGiveBack(parts);
  const intervene = createIntervene({ ...parts, hold });
  const locked = createKeyedLock();
  let alarms: Alarms | undefined;

  const one = <T>(scope: Scope, task: () => Promise<T>): Promise<T> =>
    locked(`${scope.account} ${scopeKey(scope)}`, task);

  async function pause(scope: Scope, operator: Operator, options: PauseOptions) {
    const result = await one(scope, () => takeOver(scope, operator, options));
    alarms?.nudge();
    return result;
  }

  /** Ends a pause by itself, unless its operator has acted meanwhile. */
  function endByTimer({ scope, id, actedAtMs }: Pause): Promise<void> {
    return one(scope, async () => {
      const current = pauses.get(scope);
      if (current?.id !== id || current.actedAtMs !== actedAtMs) return;
      await giveBack(scope, TIMER, { runTurn: takeoverOf(deps, scope.agentId).run_turn });
      deps.log.info("pause.ended_by_itself", { account: scope.account, agent: scope.agentId });
    });
  }

  return {
    pauses,
    hold,
    escalations,
    pause,
    async load() {
      pauses.load(await readPausesForOperator(deps.store));
      alarms = openAlarms({ ...deps, pauses, giveBack: endByTimer });
    },
    async forgetErased(account) {
      const own = pauses.all().filter(({ scope }) => scope.account === account);
      await Promise.all(own.map(({ scope }) =>
        one(scope, async () => {
          const pause = pauses.get(scope);
          if (pause === undefined || await revisionOf(deps.store, pause) !== undefined) return;
          pauses.delete(scope);
        })
      ));
    },
    fence(outbound) {
      const why = pauses.stops(outbound);
      if (why === undefined) return undefined;
      const later = why === "unknown";
      return {
        code: "conversation_paused",
        reason: later ? "what is paused is not known yet" : WITHHELD_REASON,
        later,
        writes: later ? [] : withheld.rowsForNote(outbound),
      };
    },
    resume: (scope, operator, { force, runTurn, ...options }) =>
      one(scope, () => {
        const current = pauses.get(scope);
        if (current !== undefined && !force) assertFree(current, operator, deps.now());
        const wanted = runTurn ?? takeoverOf(deps, scope.agentId).run_turn;
        return giveBack(scope, operator, { ...options, runTurn: wanted });
      }),
    intervene: (scope, operator, action, options) =>
      one(scope, () => intervene(scope, operator, action, options)),
    hearOwn: createHearOwn({ ...parts, one, onPaused: () => alarms?.nudge() }),
    async [Symbol.asyncDispose]() {
      await alarms?.[Symbol.asyncDispose]();
    },
  };
}
