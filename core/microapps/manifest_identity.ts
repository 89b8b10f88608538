/**
 * Whose a manifest is, and for which version of this program.
 *
 * @module
 */
import type { PluginToml } from "./manifest_schema.ts";
import { refuse } from "./manifest_toml.ts";
import { isVersion, meetsVersion } from "./semver.ts";

const RESERVED_IDS: ReadonlySet<string> = new Set(
  ["agent", "browser", "core", "email", "heartbeat", "memory", "telegram", "whatsapp"],
);
const idPattern = /^[a-z][a-z0-9_-]*$/;

/** What keeps a text from being a microapp's id; undefined when nothing does. */
export function idProblem(id: string): string | undefined {
  if (!idPattern.test(id) || id.length > 64) {
    return `"${id}" must be 1 to 64 of a-z, 0-9, _ and -, a letter first`;
  }
  return RESERVED_IDS.has(id) ? `"${id}" is taken by nexo itself` : undefined;
}

/** @throws {CodedError} `manifest_invalid` */
export function checkIdentity({ plugin }: PluginToml, agentVersion: string): void {
  const { id, version } = plugin;
  if (id === "") refuse("EmptyId", "plugin.id is missing");
  const problem = idProblem(id);
  const symbol = RESERVED_IDS.has(id) ? "ReservedId" : "InvalidId";
  if (problem !== undefined) refuse(symbol, `plugin.id ${problem}`);
  if (!isVersion(version)) refuse("InvalidVersion", `plugin.version "${version}" is no version`);
  for (const member of ["min_agent_version", "min_nexo_version"] as const) {
    const wanted = plugin[member];
    if (wanted === undefined) continue;
    const meets = meetsVersion(agentVersion, wanted);
    if (meets === null) {
      refuse("InvalidMinAgentVersion", `plugin.${member} "${wanted}" is no version`);
    }
    if (!meets) refuse("AgentTooOld", `plugin.${member} is "${wanted}", this is "${agentVersion}"`);
  }
  if (plugin.description.length > 512) {
    refuse("DescriptionTooLong", "plugin.description has more than 512 characters");
  }
}
