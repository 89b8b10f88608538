/**
 * The one place every call of a model passes: room in the budgets, a row in the ledger, the call,
 * the bill.
 *
 * @module
 */
import {
  type AgentEvent,
  type Clock,
  CodedError,
  codeOf,
  type ModelPrice,
} from "../../contract/mod.ts";
import { rowsForEvents } from "../../events/event_rows.ts";
import type { Store, Write } from "../../store/store.ts";
import type {
  Asked,
  ModelAnswer,
  ModelCaller,
  ModelRef,
  ModelRequest,
  ModelUsage,
} from "../model.ts";
import { ModelError } from "../model_error.ts";
import { inputBound, outputBound } from "./bound.ts";
import type { Amounts } from "./book.ts";
import type { Budgets, Reservation } from "./budgets.ts";
import {
  type CallEnd,
  type LedgerCall,
  rowsForEnded,
  rowsForMade,
  rowsForOpened,
} from "./ledger.ts";
import { costBoundMicros, costMicros } from "./prices.ts";

/** A call that is to be made. */
export interface Purchase {
  readonly caller: ModelCaller;
  readonly ref: ModelRef;
  readonly request: Omit<ModelRequest, "model">;
  readonly maxOutputTokens: number;
  readonly price: ModelPrice | undefined;
  /** Whether it leaves this machine: then it is on disk before it is made. */
  readonly remote: boolean;
}

/** An answer; its tokens when they were counted. */
export interface Bought {
  readonly answer: Omit<ModelAnswer, "usage">;
  readonly usage: ModelUsage | undefined;
}

/** Makes a call and has it paid. @throws what `make` throws; `budget_exceeded`, `model_unpriced` */
export type Till = (purchase: Purchase, make: () => Promise<Bought>) => Promise<Asked>;

/** What the till needs. */
export interface TillDeps {
  readonly budgets: Budgets;
  readonly store: Store;
  readonly uuid: () => string;
  readonly now: Clock;
}

/** Returns the till. */
export function createTill({ budgets, store, uuid, now }: TillDeps): Till {
  /** @throws {CodedError} `model_unpriced` when what the call costs counts and is not known */
  async function assertPriced({ caller, ref }: Purchase): Promise<void> {
    if (!await budgets.countsMoney(caller)) return;
    throw new CodedError(
      "model_unpriced",
      `Cannot ask model "${ref.model}": tenant "${caller.account}" has a budget in US dollars and the model has no price; add "${ref.provider}/${ref.model}" to prices in llm.yaml`,
    );
  }

  async function enter(call: LedgerCall, room: Reservation, { commit }: ModelCaller) {
    try {
      await commit(rowsForOpened(call));
    } catch (error) {
      room.settle({ tokens: 0, micros: 0 });
      throw error;
    }
  }

  return async function charge(purchase, make) {
    const { caller, ref, request, price, remote } = purchase;
    if (remote && price === undefined) await assertPriced(purchase);
    const need = boundOf(purchase);
    const room = await budgets.reserve(caller, need, request.signal);
    const call: LedgerCall = {
      account: caller.account,
      agentId: caller.agentId,
      turnId: caller.turnId,
      provider: ref.provider,
      model: ref.model,
      id: uuid(),
      reservedTokens: need.tokens,
      reservedMicros: need.micros,
      atMs: now(),
    };
    if (remote) await enter(call, room, caller);

    const rowsFor = (end: CallEnd): Write[] => {
      const events: AgentEvent[] = room.settle(spentOf(end));
      const rows = (remote ? rowsForEnded : rowsForMade)(call, end, now());
      return events.length === 0
        ? rows
        : [...rows, ...rowsForEvents({ account: caller.account, events })];
    };

    let bought: Bought;
    try {
      bought = await make();
    } catch (error) {
      await store.commit(rowsFor(endOfFailure(error, call, remote)));
      throw error;
    }
    const end = endOf(bought, purchase);
    const cost = end.state === "ok" ? end.costMicros : 0;
    const usage = bought.usage ?? { inputTokens: 0, outputTokens: 0, cachedTokens: 0 };
    return {
      step: { answer: { ...bought.answer, usage }, by: ref, costMicros: cost },
      writes: rowsFor(end),
      free: !remote,
    };
  };
}

function endOf(
  { answer, usage }: Bought,
  { request, price, maxOutputTokens }: Purchase,
): CallEnd {
  if (usage !== undefined) return { state: "ok", usage, costMicros: costMicros(price, usage) };
  const inputTokens = inputBound(request);
  const outputTokens = Math.min(maxOutputTokens, outputBound(answer));
  const micros = price === undefined ? 0 : costBoundMicros(price, inputTokens, outputTokens);
  return { state: "unknown", error: null, tokens: inputTokens + outputTokens, micros };
}

/** The most a call can take. */
function boundOf({ request, maxOutputTokens, price }: Purchase): Amounts {
  const inputTokens = inputBound(request);
  return {
    tokens: inputTokens + maxOutputTokens,
    micros: price === undefined ? 0 : costBoundMicros(price, inputTokens, maxOutputTokens),
  };
}

/** A provider that was asked may have counted, unless it said that it did nothing. */
function endOfFailure(error: unknown, call: LedgerCall, remote: boolean): CallEnd {
  const code = codeOf(error);
  if (!remote || (error instanceof ModelError && !error.mayCost)) {
    return { state: "failed", error: code };
  }
  return {
    state: "unknown",
    error: code,
    tokens: call.reservedTokens,
    micros: call.reservedMicros,
  };
}

function spentOf(end: CallEnd): Amounts {
  switch (end.state) {
    case "ok":
      return {
        tokens: end.usage.inputTokens + end.usage.outputTokens,
        micros: end.costMicros,
      };
    case "failed":
      return { tokens: 0, micros: 0 };
    case "unknown":
      return { tokens: end.tokens, micros: end.micros };
  }
}
