/**
 * The table of admin methods: one row for each, typed, for core that does them and SDKs that call them.
 *
 * @module
 */
import type { z } from "zod";
import { AGENT_EVENT_METHODS } from "./agent_events.ts";
import { AGENT_METHODS } from "./agents.ts";
import { CHANNEL_METHODS } from "./channels.ts";
import { CREDENTIAL_METHODS } from "./credentials.ts";
import { CONVERSATION_METHODS } from "./conversations.ts";
import { ESCALATION_METHODS } from "./escalations.ts";
import { DISPATCH_METHODS } from "./dispatch.ts";
import { LLM_PROVIDER_METHODS } from "./llm_providers.ts";
import { PAIRING_METHODS } from "./pairing.ts";
import { PROCESSING_METHODS } from "./processing.ts";
import { POLLER_METHODS } from "./pollers.ts";
import { PUBLISH_METHODS } from "./publish.ts";
import { SECRET_METHODS } from "./secrets.ts";
import { SKILL_METHODS } from "./skills.ts";
import { TENANT_RECORD_METHODS } from "./tenant_record.ts";
import { TENANT_METHODS } from "./tenants.ts";

/** All of them, by name. */
export const ADMIN_METHODS = {
  ...AGENT_METHODS,
  ...TENANT_METHODS,
  ...TENANT_RECORD_METHODS,
  ...CHANNEL_METHODS,
  ...CREDENTIAL_METHODS,
  ...SECRET_METHODS,
  ...SKILL_METHODS,
  ...LLM_PROVIDER_METHODS,
  ...AGENT_EVENT_METHODS,
  ...PAIRING_METHODS,
  ...PROCESSING_METHODS,
  ...ESCALATION_METHODS,
  ...CONVERSATION_METHODS,
  ...POLLER_METHODS,
  ...PUBLISH_METHODS,
  ...DISPATCH_METHODS,
} as const;

/** What each method takes and answers: `AdminMethods["nexo/admin/agents/get"]["result"]`. */
export type AdminMethods = {
  readonly [M in keyof typeof ADMIN_METHODS]: {
    readonly params: z.input<(typeof ADMIN_METHODS)[M]["params"]>;
    readonly result: z.output<(typeof ADMIN_METHODS)[M]["result"]>;
  };
};

/** The name of a method of the table. */
export type AdminMethodName = keyof AdminMethods;
