/**
 * The budgets that hold for a call, and what they say to it.
 *
 * @module
 */
import { type AgentEvent, CodedError, type TenantBudgets } from "../../contract/mod.ts";
import {
  type Amounts,
  type Book,
  type Meter,
  type Period,
  type Unit,
  windowEndMs,
} from "./book.ts";

const MICROS = 1_000_000;

/** One line of `budgets` that is set. */
export interface Line {
  /** As in `tenants.yaml`. */
  readonly name: "tokens_per_day" | "tokens_per_month" | "usd_per_day" | "usd_per_month";
  /** Null for the whole tenant. */
  readonly agentId: string | null;
  readonly period: Period;
  readonly unit: Unit;
  /** In tokens or millionths of a dollar. */
  readonly limit: number;
  readonly meter: Meter;
}

/** A call that a budget does not cover. */
export class BudgetError extends CodedError {
  readonly budget: Line["name"];
  readonly account: string;
  /** Null when it is the budget of the whole tenant. */
  readonly agentId: string | null;
  /** Tokens or US dollars, as the budget's name says. */
  readonly used: number;
  readonly limit: number;
  readonly resetsAtMs: number;

  constructor(account: string, line: Line, need: Amounts, nowMs: number) {
    const { name, agentId, unit, limit, period } = line;
    const resetsAtMs = windowEndMs(period, nowMs);
    const whose = agentId === null ? "" : ` of agent "${agentId}"`;
    const of = unit === "tokens" ? "tokens" : "US dollars";
    super(
      "budget_exceeded",
      `Cannot ask model: budget "${name}"${whose} of tenant "${account}" has ${
        amount(unit, line.meter.used)
      } of ${amount(unit, limit)} ${of} used and this call may take ${
        amount(unit, need[unit])
      }; it resets at ${new Date(resetsAtMs).toISOString()}, or raise it in tenants.yaml`,
    );
    this.budget = name;
    this.account = account;
    this.agentId = agentId;
    this.used = amount(unit, line.meter.used);
    this.limit = amount(unit, limit);
    this.resetsAtMs = resetsAtMs;
  }
}

/** An amount as people write it: tokens, or US dollars. */
export function amount(unit: Unit, value: number): number {
  return unit === "tokens" ? value : value / MICROS;
}

/** The lines that hold for an agent's call: of the tenant, then of the agent. */
export function linesOf(budgets: TenantBudgets | undefined, agentId: string, book: Book): Line[] {
  if (budgets === undefined) return [];
  const own = Object.hasOwn(budgets.agents, agentId) ? budgets.agents[agentId] : undefined;
  return [...linesIn(budgets, null), ...(own === undefined ? [] : linesIn(own, agentId))];

  function linesIn(
    set: Pick<
      TenantBudgets,
      "tokens_per_day" | "tokens_per_month" | "usd_per_day" | "usd_per_month"
    >,
    owner: string | null,
  ): Line[] {
    const line = (
      name: Line["name"],
      period: Period,
      unit: Unit,
      limit: number | undefined,
    ): Line[] =>
      limit === undefined
        ? []
        : [{ name, agentId: owner, period, unit, limit, meter: book.meter(owner, period, unit) }];
    const micros = (usd: number | undefined) => usd === undefined ? undefined : usd * MICROS;
    return [
      ...line("tokens_per_day", "day", "tokens", set.tokens_per_day),
      ...line("tokens_per_month", "month", "tokens", set.tokens_per_month),
      ...line("usd_per_day", "day", "micros", micros(set.usd_per_day)),
      ...line("usd_per_month", "month", "micros", micros(set.usd_per_month)),
    ];
  }
}

/** What a line says to a call: it may go, it must wait for calls under way, or it is too much. */
export function verdict({ meter, limit, unit }: Line, need: Amounts): "go" | "wait" | "refuse" {
  if (meter.used + need[unit] > limit) return "refuse";
  return meter.used + meter.reserved + need[unit] > limit ? "wait" : "go";
}

/** The event of a line that passed a part of its limit. */
export function thresholdEvent(
  line: Line,
  threshold: number,
  action: "warn" | "downgrade" | "refuse",
  nowMs: number,
): AgentEvent {
  const { agentId, name, unit, limit, meter, period } = line;
  return {
    kind: "budget_threshold",
    ...(agentId === null ? {} : { agent_id: agentId }),
    budget: name,
    used: amount(unit, meter.used),
    limit: amount(unit, limit),
    threshold,
    action,
    resets_at_ms: windowEndMs(period, nowMs),
    at_ms: nowMs,
  };
}

/** The events of the parts that a line passed as its use rose from `before`. */
export function passedThresholds(
  line: Line,
  before: number,
  budgets: TenantBudgets,
  nowMs: number,
): AgentEvent[] {
  const passed = (part: number): boolean =>
    before < part * line.limit && line.meter.used >= part * line.limit;
  const { warn_at: warnAt, downgrade } = budgets;
  return [
    ...warnAt.filter((part) => part !== downgrade?.at && passed(part))
      .map((part) => thresholdEvent(line, part, "warn", nowMs)),
    ...(downgrade !== undefined && passed(downgrade.at)
      ? [thresholdEvent(line, downgrade.at, "downgrade", nowMs)]
      : []),
  ];
}
