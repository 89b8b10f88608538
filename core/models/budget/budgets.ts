/**
 * Budgets: reserved before a call is made, settled after it, exact however many calls run at once.
 *
 * One process counts, in memory, from what the ledger says; the ledger is written in the same order.
 *
 * @module
 */
import type { AgentEvent, Clock, TenantBudgets } from "../../contract/mod.ts";
import { type Soon, whenHere } from "../../flow/soon.ts";
import { type Amounts, type Book, createBook, firstDay } from "./book.ts";
import {
  BudgetError,
  type Line,
  linesOf,
  passedThresholds,
  thresholdEvent,
  verdict,
} from "./lines.ts";
import type { SpentRow } from "./usage.ts";

/** Whose budgets a call counts in. */
export interface Spender {
  readonly account: string;
  readonly agentId: string;
}

/** Room for one call. */
export interface Reservation {
  /** Replaces the reservation by what was really used; returns the events this causes. Once. */
  readonly settle: (real: Amounts) => AgentEvent[];
}

/** The budgets of all tenants. */
export interface Budgets {
  /**
   * Makes room for a call that can take `need` at most. While only calls under way stand in its way
   * it waits for them; their end frees what they do not use.
   *
   * @throws {BudgetError} when what is used already leaves too little; the signal's reason
   */
  reserve(spender: Spender, need: Amounts, signal: AbortSignal): Promise<Reservation>;
  /** The other model that is to answer, when a budget is used as far as that. */
  downgraded(spender: Spender): Soon<TenantBudgets["downgrade"]>;
  /** Whether money counts, so that a model without a price cannot be asked. */
  countsMoney(spender: Spender): Soon<boolean>;
}

/** What counting needs. */
export interface BudgetsDeps {
  /** The budgets in force. */
  readonly budgetsOf: (account: string) => TenantBudgets | undefined;
  /** What the ledger says from a day on, the unknown included. */
  readonly readSpent: (account: string, sinceDay: number) => Promise<readonly SpentRow[]>;
  /** Hears of the first refusal of each budget in its window. */
  readonly onRefused: (account: string, event: AgentEvent) => void;
  readonly now: Clock;
}

interface Waiter {
  readonly spender: Spender;
  readonly need: Amounts;
  readonly go: (reservation: Reservation) => void;
  readonly refuse: (error: BudgetError) => void;
}

/** Returns budgets that read each tenant's ledger when it first spends. */
export function createBudgets({ budgetsOf, readSpent, onRefused, now }: BudgetsDeps): Budgets {
  // One book for each tenant that spent since the start: bounded by the tenants there are.
  const books = new Map<string, Soon<Book>>();
  const waiting = new Map<string, Set<Waiter>>();

  function bookOf(account: string): Soon<Book> {
    const nowMs = now();
    let book = books.get(account);
    if (book === undefined) {
      book = readSpent(account, firstDay("month", nowMs)).then((spent) => {
        const read = createBook(spent, nowMs);
        books.set(account, read);
        return read;
      });
      books.set(account, book);
      book.catch(() => books.delete(account));
    }
    return whenHere(book, (found) => {
      found.turnTo(now());
      return found;
    });
  }

  /** Takes the room, says why there is none, or gives undefined when it is to wait. */
  function tryReserve(
    book: Book,
    spender: Spender,
    need: Amounts,
  ): Reservation | BudgetError | undefined {
    const budgets = budgetsOf(spender.account);
    if (budgets !== undefined && budgets.when_exceeded !== "warn") {
      const verdicts = linesOf(budgets, spender.agentId, book)
        .map((line) => ({ line, says: verdict(line, need) }));
      const refusing = verdicts.find(({ says }) => says === "refuse");
      if (refusing !== undefined) return refusal(refusing.line, spender, need);
      if (verdicts.some(({ says }) => says === "wait")) return undefined;
    }
    return take(book, spender, need);
  }

  function refusal(line: Line, { account }: Spender, need: Amounts): BudgetError {
    if (!line.meter.refused) {
      line.meter.refused = true;
      onRefused(account, thresholdEvent(line, 1, "refuse", now()));
    }
    return new BudgetError(account, line, need, now());
  }

  function take(book: Book, spender: Spender, need: Amounts): Reservation {
    // Held by reference: a call that ends after midnight still counts where it began.
    const meters = book.metersOf(spender.agentId);
    for (const { unit, meter } of meters) meter.reserved += need[unit];
    return {
      settle(real) {
        const budgets = budgetsOf(spender.account);
        const before = budgets && new Map(meters.map(({ meter }) => [meter, meter.used]));
        for (const { unit, meter } of meters) {
          meter.reserved -= need[unit];
          meter.used += real[unit];
        }
        const events = budgets === undefined ? [] : linesOf(budgets, spender.agentId, book)
          .flatMap((line) => {
            const was = before?.get(line.meter);
            return was === undefined ? [] : passedThresholds(line, was, budgets, now());
          });
        wake(book, spender.account);
        return events;
      },
    };
  }

  /** Those who wait are asked again, in the order they came. */
  function wake(book: Book, account: string): void {
    const queue = waiting.get(account);
    if (queue === undefined) return;
    book.turnTo(now());
    for (const waiter of queue) {
      const result = tryReserve(book, waiter.spender, waiter.need);
      if (result === undefined) continue;
      leave(waiter);
      if (result instanceof BudgetError) waiter.refuse(result);
      else waiter.go(result);
    }
  }

  function leave(waiter: Waiter): void {
    const { account } = waiter.spender;
    const queue = waiting.get(account);
    queue?.delete(waiter);
    if (queue?.size === 0) waiting.delete(account);
  }

  function wait(spender: Spender, need: Amounts, signal: AbortSignal): Promise<Reservation> {
    return new Promise((resolve, reject) => {
      const stop = (): void => {
        leave(waiter);
        reject(signal.reason as Error);
      };
      const waiter: Waiter = {
        spender,
        need,
        go(reservation) {
          signal.removeEventListener("abort", stop);
          resolve(reservation);
        },
        refuse(error) {
          signal.removeEventListener("abort", stop);
          reject(error);
        },
      };
      signal.addEventListener("abort", stop, { once: true });
      const queue = waiting.get(spender.account) ?? new Set();
      waiting.set(spender.account, queue.add(waiter));
    });
  }

  return {
    async reserve(spender, need, signal) {
      const known = bookOf(spender.account);
      const book = known instanceof Promise ? await known : known;
      signal.throwIfAborted();
      const result = tryReserve(book, spender, need);
      if (result instanceof BudgetError) throw result;
      return result ?? wait(spender, need, signal);
    },
    downgraded(spender) {
      const budgets = budgetsOf(spender.account);
      const other = budgets?.downgrade;
      if (other === undefined) return undefined;
      return whenHere(bookOf(spender.account), (book) => {
        const lines = linesOf(budgets, spender.agentId, book);
        return lines.some(({ meter, limit }) => meter.used >= other.at * limit) ? other : undefined;
      });
    },
    countsMoney(spender) {
      const budgets = budgetsOf(spender.account);
      if (budgets === undefined || budgets.when_exceeded === "warn") return false;
      return whenHere(
        bookOf(spender.account),
        (book) => linesOf(budgets, spender.agentId, book).some(({ unit }) => unit === "micros"),
      );
    },
  };
}
