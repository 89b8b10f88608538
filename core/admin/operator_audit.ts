/**
 * The admin audit and the chains, for operators: read, verified, taken along.
 *
 * @module
 */
import { z } from "zod";
import { type AdminMethod, operatorMethod } from "./method.ts";

const account = z.string().nullish();
const table = z.enum(["turns", "admin_audit"]);

/** What stands behind the methods. */
export interface OperatorAuditDeps {
  readonly tail: (filter: {
    microappId: string | undefined;
    method: string | undefined;
    result: "ok" | "error" | "denied" | "unknown" | undefined;
    tenant: string | undefined;
    sinceMs: number | undefined;
    limit: number;
    cursor: { readonly atMs: number; readonly id: string } | undefined;
  }) => Promise<{
    readonly calls: readonly unknown[];
    readonly cursor?: { readonly atMs: number; readonly id: string };
  }>;
  /** Walks the chains of one tenant, or all. */
  readonly verify: (account: string | undefined) => Promise<readonly unknown[]>;
  /** How far verifications under way have come. */
  readonly progress: () => { readonly running: number; readonly rows: number };
  /** The chains of one tenant, or all, each with its end signed now. */
  readonly chains: (account: string | undefined) => Promise<unknown>;
  /** Whole rows of a chain in its order. */
  readonly rows: (page: {
    account: string;
    table: "turns" | "admin_audit";
    after: number;
    upTo: number;
    limit: number;
  }) => Promise<readonly unknown[]>;
}

/** Returns the methods. */
export function operatorAuditMethods(deps: OperatorAuditDeps): AdminMethod[] {
  return [
    operatorMethod(
      "audit/tail",
      z.object({
        microapp_id: z.string().nullish(),
        method: z.string().nullish(),
        result: z.enum(["ok", "error", "denied", "unknown"]).nullish(),
        tenant: z.string().nullish(),
        since_ms: z.number().nullish(),
        limit: z.int().positive().max(1000).default(50),
        cursor: z.strictObject({ at_ms: z.int(), id: z.string() }).nullish(),
      }),
      async (p) => {
        const { calls, cursor } = await deps.tail({
          microappId: p.microapp_id ?? undefined,
          method: p.method ?? undefined,
          result: p.result ?? undefined,
          tenant: p.tenant ?? undefined,
          sinceMs: p.since_ms ?? undefined,
          limit: p.limit,
          cursor: p.cursor == null ? undefined : { atMs: p.cursor.at_ms, id: p.cursor.id },
        });
        return {
          rows: calls,
          cursor: cursor === undefined ? null : { at_ms: cursor.atMs, id: cursor.id },
        };
      },
      { unaudited: true },
    ),
    operatorMethod(
      "audit/verify",
      z.object({ account }),
      async (p) => ({ chains: await deps.verify(p.account ?? undefined) }),
    ),
    operatorMethod(
      "audit/progress",
      z.object({}),
      () => Promise.resolve(deps.progress()),
      { unaudited: true },
    ),
    operatorMethod(
      "audit/chains",
      z.object({ account }),
      (p) => deps.chains(p.account ?? undefined),
    ),
    operatorMethod(
      "audit/rows",
      z.object({
        account: z.string(),
        table,
        after: z.int().nonnegative(),
        up_to: z.int().nonnegative(),
        limit: z.int().positive().max(1000).default(1000),
      }),
      async ({ up_to: upTo, ...page }) => ({ rows: await deps.rows({ ...page, upTo }) }),
      // The export it belongs to is on record by its first call.
      { unaudited: true },
    ),
  ];
}
