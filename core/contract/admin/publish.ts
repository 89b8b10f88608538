/**
 * `nexo/publish`: a microapp's own event, into the inbox like any webhook.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "../ids.ts";
import { isSubject } from "../subjects.ts";
import { spec, TenantScope } from "./spec.ts";

const MAX_SUBJECT_CHARS = 255;

/** The methods of this domain. */
export const PUBLISH_METHODS = {
  "nexo/publish": spec(
    "events_publish",
    z.object({
      subject: z.string().max(MAX_SUBJECT_CHARS).refine(
        isSubject,
        "subject must be dot-separated tokens without wildcards",
      ),
      payload: z.json(),
      /** The same event carries it each time; remembered for 72 hours. */
      dedupe_key: z.string().min(1).max(256).nullish(),
      /** Whose event it is; absent under a grant for one tenant, that one's. */
      tenant_id: TenantScope,
    }),
    z.object({ event_id: Uuid }),
  ),
} as const;
