/**
 * `nexo/dispatch`: a microapp writes to a person, through the outbox like any reply.
 *
 * @module
 */
import { z } from "zod";
import { filled, spec } from "./spec.ts";

/** The methods of this domain. */
export const DISPATCH_METHODS = {
  "nexo/dispatch": spec(
    "dispatch_outbound",
    z.object({
      channel: filled("channel"),
      /** The tenant or the instance to write as; absent under a grant for one tenant, that one. */
      account_id: z.string().nullish(),
      to: filled("to"),
      body: z.string().max(65_536),
      msg_kind: z.enum(["text", "reply", "media"]).default("text"),
      attachments: z.array(z.json()).max(16).nullish(),
      reply_to_msg_id: z.string().nullish(),
      /** One message for each key of a microapp and tenant. */
      idempotency_key: z.string().min(1).max(256).nullish(),
    }),
    z.object({ msg_id: z.string().optional() }),
  ),
} as const;
