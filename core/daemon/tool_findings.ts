/**
 * What `nexo doctor` says of the tools that agents name: an entry that fits none does nothing, silently.
 *
 * @module
 */
import { allowListOf } from "../agents/policy.ts";
import type { AgentConfig } from "../contract/mod.ts";
import type { Finding } from "../contract/views/health.ts";
import { globFits, type ToolNames } from "../limits/tool_patterns.ts";
import { closest } from "../settings/problems.ts";
import type { Settings } from "../settings/settings.ts";

/** An entry of a list of tools, or of their limits. */
interface Named {
  readonly key: "allowed_tools" | "tool_rate_limits";
  readonly pattern: string;
}

/** Entries of agents that fit none of `tools`, which must be all there are. */
export function toolFindings(
  { agents }: Pick<Settings, "agents">,
  tools: readonly ToolNames[],
): Finding[] {
  const names = tools.flatMap(({ name, ownName }) => [name, ownName]);
  return [...agents.values()].filter(({ active }) => active).flatMap((agent) => {
    const entries = new Map(
      namedBy(agent).map((named) => [`${named.key} ${named.pattern}`, named]),
    );
    return [...entries.values()].flatMap(({ key, pattern }): Finding[] => {
      const fits = FITS[key](pattern);
      if (tools.some(fits)) return [];
      const meant = closest(pattern, names);
      return [{
        level: "warning",
        subject: `${agent.id}/${pattern}`,
        message: `${key} names it, and no tool that is there fits`,
        fix: meant === undefined
          ? "`nexo ext status` shows the tools there are; a microapp's may be missing"
          : `Did you mean "${meant}"?`,
      }];
    });
  });
}

function namedBy(agent: AgentConfig): Named[] {
  const { allowed_tools, inbound_bindings, tool_rate_limits: limits } = agent;
  const allowed = [
    allowed_tools,
    ...inbound_bindings.map((binding) => binding.allowed_tools ?? []),
  ];
  const limited = [
    limits?.patterns,
    ...Object.values(limits?.bindings ?? {}),
    ...inbound_bindings.map((binding) => binding.tool_rate_limits?.patterns),
  ];
  return [
    ...allowed.flat().map((pattern): Named => ({ key: "allowed_tools", pattern })),
    ...limited.flatMap((patterns) => Object.keys(patterns ?? {}))
      .filter((pattern) => pattern !== "_default")
      .map((pattern): Named => ({ key: "tool_rate_limits", pattern })),
  ];
}

/** As calls are judged. */
const FITS: Readonly<Record<Named["key"], (pattern: string) => (tool: ToolNames) => boolean>> = {
  allowed_tools: (pattern) => allowListOf([pattern]),
  tool_rate_limits(pattern) {
    const pieces = pattern.split("*");
    return (tool) => globFits(pieces, tool);
  },
};
