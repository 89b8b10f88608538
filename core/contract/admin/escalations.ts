/**
 * `nexo/admin/escalations/*`: what agents asked people to look at.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "../ids.ts";
import { AnyScope, EscalationState, ProcessingScope } from "../processing.ts";
import { limited, spec, TenantScope, worded } from "./spec.ts";

/** The methods of this domain. */
export const ESCALATION_METHODS = {
  "nexo/admin/escalations/list": spec(
    "escalations_read",
    z.object({
      filter: z.enum(["pending", "resolved", "all"]).nullish(),
      agent_id: z.string().min(1).nullish(),
      scope_kind: z.string().min(1).nullish(),
      limit: limited(100, 1_000),
      tenant_id: TenantScope,
      cursor: z.string().max(128).nullish(),
    }),
    z.object({
      entries: z.array(z.object({
        agent_id: z.string(),
        scope: ProcessingScope,
        state: EscalationState,
      })),
      next_cursor: z.string().optional(),
    }),
  ),
  "nexo/admin/escalations/resolve": spec(
    "escalations_resolve",
    z.object({
      scope: AnyScope,
      by: worded((text) =>
        text === "dismissed" || text === "takeover"
          ? undefined
          : `by must be \`dismissed\` or \`takeover\`, got \`${text}\``
      ),
      dismiss_reason: z.string().max(4_096).nullish(),
      operator_token_hash: z.string().regex(/^\S{1,128}$/).nullish(),
      operator_name: z.string().trim().min(1).max(128).nullish(),
    }),
    z.object({ changed: z.boolean(), correlation_id: Uuid }),
  ),
} as const;
