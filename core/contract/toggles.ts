/**
 * The environment variables that switch parts of core off or size them: one row for each, read by
 * what it switches and by `nexo doctor capabilities`.
 *
 * @module
 */

/** Environment, as a process has it. */
type Env = Readonly<Record<string, string | undefined>>;

/** What could go wrong while it stands as it does, in nexo's words. */
export type ToggleRisk = "low" | "medium" | "high" | "critical";

interface Row {
  readonly variable: string;
  readonly risk: ToggleRisk;
  /** What it does, for people. */
  readonly effect: string;
}

/** A switch that is on unless its variable says otherwise. */
export interface Switch extends Row {
  readonly kind: "switch";
  /** Admin methods that begin with this are off with it. */
  readonly methods?: string;
}

/** A number with a default. */
export interface Amount extends Row {
  readonly kind: "number";
  readonly fallback: number;
  readonly least: number;
}

const domain = (name: string, domain: string, risk: ToggleRisk = "medium"): Switch => ({
  kind: "switch",
  variable: `NEXO_MICROAPP_ADMIN_${name}_ENABLED`,
  methods: `nexo/admin/${domain}/`,
  risk,
  effect: `off: every method of nexo/admin/${domain} answers -32601`,
});

/** All of them. Each is read where it says; none is for show. */
export const TOGGLES = {
  agents: domain("AGENTS", "agents"),
  credentials: domain("CREDENTIALS", "credentials", "high"),
  pairing: domain("PAIRING", "pairing"),
  llm_keys: domain("LLM_KEYS", "llm_providers", "high"),
  channels: domain("CHANNELS", "channels"),
  skills: domain("SKILLS", "skills"),
  tenants: domain("TENANTS", "tenants", "high"),
  pollers: domain("POLLERS", "pollers"),
  secrets: domain("SECRETS", "secrets", "critical"),
  auth: domain("AUTH", "auth", "critical"),
  agent_events: {
    kind: "switch",
    variable: "NEXO_MICROAPP_AGENT_EVENTS_ENABLED",
    methods: "nexo/admin/agent_events/",
    risk: "medium",
    effect: "off: microapps hear no events, and nexo/admin/agent_events answers -32601",
  },
  escalations: {
    kind: "switch",
    variable: "NEXO_AGENT_ESCALATION_ENABLED",
    risk: "medium",
    effect: "off: no agent asks for a person; escalate_to_human answers that it is off",
  },
  pending_queue_cap: {
    kind: "number",
    variable: "NEXO_PROCESSING_PENDING_QUEUE_CAP",
    fallback: 50,
    least: 0,
    risk: "medium",
    effect: "messages that wait in one conversation while a person has it; 0 keeps none",
  },
  http_servers: {
    kind: "switch",
    variable: "NEXO_MICROAPP_HTTP_SERVERS_ENABLED",
    risk: "medium",
    effect:
      "off: HTTP servers of microapps are not probed; /apps leads to them whenever their process is ready",
  },
  probe_timeout_secs: {
    kind: "number",
    variable: "NEXO_LLM_PROBE_TIMEOUT_SECS",
    fallback: 5,
    least: 1,
    risk: "low",
    effect: "seconds a probe of a model's provider may take",
  },
} as const satisfies Readonly<Record<string, Switch | Amount>>;

const OFF: ReadonlySet<string> = new Set(["0", "false", "FALSE", "off", "OFF", ""]);

/** Whether a switch is on; it is unless its variable is set to one of nexo's words for off. */
export function isSwitchedOn(env: Env, { variable }: Switch): boolean {
  const value = env[variable];
  return value === undefined || !OFF.has(value);
}

/** The number a variable says, or its default when it says none that is allowed. */
export function amountOf(env: Env, { variable, fallback, least }: Amount): number {
  const value = env[variable]?.trim();
  const number = value === undefined || value === "" ? NaN : Number(value);
  return Number.isFinite(number) && number >= least ? number : fallback;
}

/** The variable that has switched a method off, if any. */
export function switchedOffBy(env: Env, method: string): string | undefined {
  const rows: readonly (Switch | Amount)[] = Object.values(TOGGLES);
  return rows.find((row) =>
    row.kind === "switch" && row.methods !== undefined && method.startsWith(row.methods) &&
    !isSwitchedOn(env, row)
  )?.variable;
}
