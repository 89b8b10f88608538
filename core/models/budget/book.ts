/**
 * What one tenant has spent and reserved in this day and this month.
 *
 * @module
 */
import { dayOf } from "./ledger.ts";
import type { SpentRow } from "./usage.ts";

const DAY_MS = 86_400_000;

/** The lengths of time a budget may be for. */
export type Period = "day" | "month";
/** What a budget counts. */
export type Unit = "tokens" | "micros";

/** One count within one window of time. */
export interface Meter {
  /** Settled: it will not become less. */
  used: number;
  /** The most that calls under way can add. */
  reserved: number;
  /** Whether a refusal was announced. */
  refused: boolean;
}

/** Amounts of a call. */
export interface Amounts {
  readonly tokens: number;
  readonly micros: number;
}

/** The meters of one tenant. */
export interface Book {
  /** The meter of the tenant (`agentId` null) or of one agent, in the window of now. */
  meter(agentId: string | null, period: Period, unit: Unit): Meter;
  /** Everything a call of this agent counts in, in the windows of now. */
  metersOf(agentId: string): readonly { readonly unit: Unit; readonly meter: Meter }[];
  /** Begins new windows when their time has come. Calls under way stay in the old ones. */
  turnTo(nowMs: number): void;
}

/** When the window of `nowMs` began, as a day since the epoch. */
export function firstDay(period: Period, nowMs: number): number {
  const at = new Date(nowMs);
  return period === "day"
    ? dayOf(nowMs)
    : dayOf(Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1));
}

/** When the window of `nowMs` ends, in milliseconds since the epoch. */
export function windowEndMs(period: Period, nowMs: number): number {
  const at = new Date(nowMs);
  return period === "day"
    ? (dayOf(nowMs) + 1) * DAY_MS
    : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1, 1);
}

const PERIODS: readonly Period[] = ["day", "month"];
const UNITS: readonly Unit[] = ["tokens", "micros"];

/** A book that begins with what the ledger says of this month. */
export function createBook(spent: readonly SpentRow[], nowMs: number): Book {
  let windows = { day: firstDay("day", nowMs), month: firstDay("month", nowMs) };
  const meters = { day: new Map<string, Meter>(), month: new Map<string, Meter>() };
  /** What {@linkcode Book.metersOf} gave for each agent in these windows. */
  const lists = new Map<string, ReturnType<Book["metersOf"]>>();

  function meter(agentId: string | null, period: Period, unit: Unit): Meter {
    const key = agentId === null ? unit : `${unit}/${agentId}`;
    let found = meters[period].get(key);
    if (found === undefined) {
      found = { used: 0, reserved: 0, refused: false };
      meters[period].set(key, found);
    }
    return found;
  }

  for (const row of spent) {
    for (const period of PERIODS) {
      if (row.day < windows[period]) continue;
      for (const unit of UNITS) {
        meter(null, period, unit).used += row[unit];
        meter(row.agent_id, period, unit).used += row[unit];
      }
    }
  }
  return {
    meter,
    metersOf(agentId) {
      const known = lists.get(agentId);
      if (known !== undefined) return known;
      const list = PERIODS.flatMap((period) =>
        UNITS.flatMap((unit) => [
          { unit, meter: meter(null, period, unit) },
          { unit, meter: meter(agentId, period, unit) },
        ])
      );
      lists.set(agentId, list);
      return list;
    },
    turnTo(atMs) {
      // Months end with days.
      if (atMs < (windows.day + 1) * DAY_MS) return;
      const next = { day: firstDay("day", atMs), month: firstDay("month", atMs) };
      for (const period of PERIODS) {
        // A clock set back must not open a spent window anew.
        if (next[period] <= windows[period]) continue;
        windows = { ...windows, [period]: next[period] };
        meters[period].clear();
        lists.clear();
      }
    },
  };
}
