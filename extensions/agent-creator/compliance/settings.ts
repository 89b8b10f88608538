/**
 * What an agent's compliance does: `extensions_config.agent-creator.compliance` in `agents.yaml`.
 *
 * @module
 */
import { z } from "nexo-microapps/sdk";

const on = z.boolean().default(true);

/** The settings of one agent; everything is on unless it says otherwise. */
export const ComplianceSettings = z.object({
  opt_out: z.object({
    enabled: on,
    reply: z.string().max(1_000).default(
      "You will get no more messages from us. Write START to change that.",
    ),
  }).prefault({}),
  anti_loop: z.object({
    enabled: on,
    repeats: z.int().min(2).max(100).default(4),
    window_secs: z.int().min(1).max(86_400).default(120),
  }).prefault({}),
  anti_manipulation: z.object({ enabled: on }).prefault({}),
  pii: z.object({
    enabled: on,
    cards: on,
    emails: z.boolean().default(false),
    phones: z.boolean().default(false),
  }).prefault({}),
  consent: z.object({
    /** Nobody is answered before they have opted in. */
    required: z.boolean().default(false),
  }).prefault({}),
});
/** See {@linkcode ComplianceSettings}. */
export type ComplianceSettings = z.output<typeof ComplianceSettings>;

const AgentConfig = z.object({ compliance: ComplianceSettings.prefault({}) }).prefault({});

/** The settings of an agent; what cannot be read counts as nothing said, and then all is on. */
export function complianceOf(agentConfig: unknown): ComplianceSettings {
  const read = AgentConfig.safeParse(agentConfig ?? {});
  return read.success ? read.data.compliance : ComplianceSettings.parse({});
}
