/**
 * What the console shows at a glance: tenants with their budgets, lines of channels, the config in force.
 *
 * @module
 */
import { z } from "zod";
import type { LineView } from "../contract/views/channels.ts";
import type { ConfigOverview } from "../contract/views/config.ts";
import type { TenantOverview } from "../contract/views/tenants.ts";
import { type AdminMethod, operatorMethod } from "./method.ts";

/** What stands behind the methods. */
export interface OperatorOverviewDeps {
  /** Tenants in the order of their ids. */
  readonly tenants: (
    page: { text: string | undefined; after: string | undefined; limit: number },
  ) => Promise<readonly TenantOverview[]>;
  readonly lines: () => Promise<readonly LineView[]>;
  readonly configOverview: () => ConfigOverview;
}

/** Returns the methods. */
export function operatorOverviewMethods(deps: OperatorOverviewDeps): AdminMethod[] {
  return [
    operatorMethod(
      "tenants/overview",
      z.object({
        text: z.string().max(128).nullish(),
        after: z.string().nullish(),
        limit: z.int().positive().max(200).default(50),
      }),
      async ({ text, after, limit }) => ({
        tenants: await deps.tenants({ text: text ?? undefined, after: after ?? undefined, limit }),
      }),
      { unaudited: true },
    ),
    operatorMethod("channels/health", z.object({}), async () => ({ lines: await deps.lines() }), {
      unaudited: true,
    }),
    operatorMethod("config/overview", z.object({}), () => Promise.resolve(deps.configOverview()), {
      unaudited: true,
    }),
  ];
}
