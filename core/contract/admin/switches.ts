/**
 * The environment variables that switch whole domains of the admin RPC off.
 *
 * @module
 */

const domain = (prefix: string, variable: string) => ({ prefix, variable });

/** One row per switch: methods that begin with `prefix` are off when `variable` says so. */
export const ADMIN_SWITCHES = [
  domain("nexo/admin/agents/", "NEXO_MICROAPP_ADMIN_AGENTS_ENABLED"),
  domain("nexo/admin/credentials/", "NEXO_MICROAPP_ADMIN_CREDENTIALS_ENABLED"),
  domain("nexo/admin/pairing/", "NEXO_MICROAPP_ADMIN_PAIRING_ENABLED"),
  domain("nexo/admin/llm_providers/", "NEXO_MICROAPP_ADMIN_LLM_KEYS_ENABLED"),
  domain("nexo/admin/channels/", "NEXO_MICROAPP_ADMIN_CHANNELS_ENABLED"),
  domain("nexo/admin/skills/", "NEXO_MICROAPP_ADMIN_SKILLS_ENABLED"),
  domain("nexo/admin/tenants/", "NEXO_MICROAPP_ADMIN_TENANTS_ENABLED"),
  domain("nexo/admin/secrets/", "NEXO_MICROAPP_ADMIN_SECRETS_ENABLED"),
  domain("nexo/admin/auth/", "NEXO_MICROAPP_ADMIN_AUTH_ENABLED"),
  domain("nexo/admin/agent_events/", "NEXO_MICROAPP_AGENT_EVENTS_ENABLED"),
] as const;

const OFF: ReadonlySet<string> = new Set(["0", "false", "FALSE", "off", "OFF", ""]);

/** Whether a switch is on; it is unless its variable is set to one of nexo's words for off. */
export function isSwitchedOn(
  env: Readonly<Record<string, string | undefined>>,
  variable: string,
): boolean {
  const value = env[variable];
  return value === undefined || !OFF.has(value);
}

/** The variable that has switched a method off, if any. */
export function switchedOffBy(
  env: Readonly<Record<string, string | undefined>>,
  method: string,
): string | undefined {
  return ADMIN_SWITCHES.find(({ prefix, variable }) =>
    method.startsWith(prefix) && !isSwitchedOn(env, variable)
  )?.variable;
}
