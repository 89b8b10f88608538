/**
 * `nexo/admin/pairing/*`: challenges, and the people whom lines know.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "../ids.ts";
import { PairingStatus } from "../pairing.ts";
import { filled, limited, spec, TenantScope } from "./spec.ts";

const instance = z.string().nullish();

const Person = z.object({
  channel: z.string(),
  instance: z.string(),
  sender_id: z.string(),
  paired_at_ms: z.int(),
});
/** Somebody a line knows. */
export type PairedPerson = z.infer<typeof Person>;

/** The methods of this domain. */
export const PAIRING_METHODS = {
  "nexo/admin/pairing/start": spec(
    "pairing_initiate",
    z.object({ agent_id: filled("agent_id"), channel: filled("channel"), instance }),
    z.object({ challenge_id: Uuid, expires_at_ms: z.int(), instructions: z.string() }),
  ),
  "nexo/admin/pairing/status": spec(
    "pairing_initiate",
    z.object({ challenge_id: Uuid }),
    PairingStatus,
  ),
  "nexo/admin/pairing/cancel": spec(
    "pairing_initiate",
    z.object({ challenge_id: Uuid }),
    z.object({ cancelled: z.boolean() }),
  ),
  /** Lets in a stranger who was shown this code. */
  "nexo/admin/pairing/approve": spec(
    "pairing_initiate",
    z.object({
      channel: filled("channel"),
      instance,
      code: filled("code"),
      tenant_id: TenantScope,
    }),
    z.object({ approved: z.boolean(), sender_id: z.string().optional() }),
  ),
  "nexo/admin/pairing/list": spec(
    "pairing_initiate",
    z.object({
      channel: z.string().nullish(),
      instance,
      tenant_id: TenantScope,
      limit: limited(100, 1_000),
    }),
    z.object({ people: z.array(Person) }),
  ),
  "nexo/admin/pairing/revoke": spec(
    "pairing_initiate",
    z.object({
      channel: filled("channel"),
      instance,
      sender_id: filled("sender_id"),
      tenant_id: TenantScope,
    }),
    z.object({ revoked: z.boolean() }),
  ),
} as const;
