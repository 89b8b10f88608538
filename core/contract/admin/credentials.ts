/**
 * `nexo/admin/credentials/*`: what channels sign in with, one for each line of a channel.
 *
 * @module
 */
import { z } from "zod";
import { isPathPart } from "../path_part.ts";
import { configVersion, filled, spec, TenantScope, worded } from "./spec.ts";

const channel = worded((text) =>
  text.trim() === ""
    ? "channel is empty"
    : isPathPart(text)
    ? undefined
    : "channel must match [A-Za-z0-9._-]"
);
/** The line of the channel; absent, null and empty mean `default`. */
const instance = worded((text) =>
  text === "" || isPathPart(text) ? undefined : "instance must match [A-Za-z0-9._-]"
).nullish().transform((text) => text == null || text === "" ? undefined : text);

/** Reasons a probe gives. */
export const CredentialReason = z.enum([
  "ok",
  "unsupported_channel",
  "invalid_payload",
  "invalid_metadata",
  "connectivity_failed",
  "auth_failed",
  "tls_failed",
  "not_probed",
]);

/** What asking the provider with the credential gave. */
export const CredentialValidation = z.object({
  probed: z.boolean(),
  healthy: z.boolean(),
  /** Without anything secret. */
  detail: z.string().optional(),
  reason_code: CredentialReason.optional(),
});
/** See {@linkcode CredentialValidation}. */
export type CredentialValidation = z.infer<typeof CredentialValidation>;

const CredentialSummary = z.object({
  channel: z.string(),
  instance: z.string().optional(),
  /** Agents that answer on this line. */
  agent_ids: z.array(z.string()),
});
/** A credential without anything secret. */
export type CredentialSummary = z.infer<typeof CredentialSummary>;

/** The methods of this domain. */
export const CREDENTIAL_METHODS = {
  "nexo/admin/credentials/list": spec(
    "credentials_crud",
    z.object({ channel_filter: z.string().nullish(), tenant_id: TenantScope }),
    z.object({ credentials: z.array(CredentialSummary) }),
  ),
  "nexo/admin/credentials/register": spec(
    "credentials_crud",
    z.object({
      channel,
      instance,
      agent_ids: z.array(filled("agent_ids")),
      payload: z.json(),
      metadata: z.record(z.string(), z.json()).nullish(),
      /** Whose line it is; absent: the grant's tenant, else the tenant called like the instance. */
      tenant_id: TenantScope,
    }),
    z.object({
      summary: CredentialSummary,
      /** Absent for a channel that nothing is known about. */
      validation: CredentialValidation.optional(),
      ...configVersion,
    }),
  ),
  "nexo/admin/credentials/revoke": spec(
    "credentials_crud",
    z.object({ channel, instance }),
    z.object({ removed: z.boolean(), unbound_agents: z.array(z.string()), ...configVersion }),
  ),
} as const;
