/**
 * `nexo/operator/usage/*`: what models used.
 *
 * @module
 */
import { z } from "zod";
import { AccountId } from "../contract/mod.ts";
import type { UsageQuery, UsageRow } from "../models/budget/usage.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** Returns the methods that read usage. */
export function operatorUsageMethods(
  { readUsage }: { readonly readUsage: (query: UsageQuery) => Promise<UsageRow[]> },
): AdminMethod[] {
  return [
    operatorMethod(
      "usage/list",
      z.object({
        account: AccountId.nullish(),
        since_ms: z.int().nonnegative(),
        until_ms: z.int().nonnegative().nullish(),
        by: z.enum(["day", "agent", "model"]).default("day"),
      }),
      async (p) => ({
        usage: await readUsage({
          account: p.account ?? undefined,
          sinceMs: p.since_ms,
          untilMs: p.until_ms ?? undefined,
          by: p.by,
        }),
      }),
      { unaudited: true },
    ),
  ];
}
