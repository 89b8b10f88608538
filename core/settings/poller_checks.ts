/**
 * What schedules name: agents, tenants, times that come.
 *
 * @module
 */
import { AgentTurnConfig } from "../contract/mod.ts";
import { type Checked, type Report, reportTenant } from "./checks.ts";
import { findings } from "./schema_problems.ts";
import { closest } from "./problems.ts";
import { timetableProblem } from "./timetable.ts";
import type { Path } from "./yaml_file.ts";

const FILE = "pollers.yaml";
/** Keys of an `agent_turn` that nexo reads and a turn of the agent itself does not need. */
const UNUSED_TURN_KEYS = ["llm", "system_prompt", "language"];
const TURN_KEYS = ["user_prompt", "deliver", ...UNUSED_TURN_KEYS];

/** Everything wrong with the jobs of `pollers.yaml` and the heartbeats of agents. */
export function checkPollers(checked: Checked, report: Report): void {
  checkHeartbeats(checked, report);
  const { settings, origins } = checked;
  const seen = new Set<string>();
  settings.pollers.jobs.forEach((job, i) => {
    const at = (...path: Path): Path => ["pollers", "jobs", i, ...path];
    if (seen.has(job.id)) {
      report("error", FILE, at("id"), `job "${job.id}" is declared twice`, "Rename one of the two");
    }
    seen.add(job.id);
    reportTenant(settings, job.tenant_id, FILE, at("tenant_id"), report);
    const agent = origins.find((origin) => origin.agent.id === job.agent)?.agent;
    if (agent === undefined) {
      const meant = closest(job.agent, origins.map((origin) => origin.agent.id));
      const fix = meant === undefined
        ? "Remove the job, or add the agent"
        : `Did you mean "${meant}"?`;
      report(
        "warning",
        FILE,
        at("agent"),
        `there is no agent "${job.agent}", so the job rests`,
        fix,
      );
    } else if (
      job.tenant_id !== undefined && (agent.tenant_id ?? job.tenant_id) !== job.tenant_id
    ) {
      const message = `agent "${agent.id}" belongs to tenant "${agent.tenant_id}"`;
      report("error", FILE, at("tenant_id"), message, "Remove it, or name another agent");
    } else if ((job.tenant_id ?? agent.tenant_id) === undefined && !settings.singleTenant) {
      const message = `nothing says for which tenant job "${job.id}" runs, so it rests`;
      report("warning", FILE, at("id"), message, "Add tenant_id to the job, or to its agent");
    }
    const problem = timetableProblem(job.schedule);
    if (problem !== undefined) {
      const field = "cron" in job.schedule && problem.startsWith("cron") ? "cron" : "tz";
      const fix = "Write for example 0 8 * * 1-5, with tz: Europe/Berlin";
      report("error", FILE, at("schedule", field), problem, fix);
    }
    if (job.kind === "agent_turn") checkTurn(job.config, at, report);
  });
}

function checkTurn(
  config: Readonly<Record<string, unknown>>,
  at: (...path: Path) => Path,
  report: Report,
): void {
  for (const key of Object.keys(config)) {
    if (UNUSED_TURN_KEYS.includes(key)) {
      const message = `config.${key}: not used by this version`;
      report("warning", FILE, at("config", key), message, "Remove it; the agent's own counts");
    } else if (!TURN_KEYS.includes(key)) {
      const meant = closest(key, TURN_KEYS);
      const fix = meant === undefined ? "Remove it" : `Did you mean "${meant}"?`;
      report("warning", FILE, at("config", key), `config.${key}: is not read`, fix);
    }
  }
  const parsed = AgentTurnConfig.safeParse(config);
  for (const { path, message, fix } of findings(parsed.error?.issues ?? [], config, () => [])) {
    report("error", FILE, at("config", ...path), `config.${message}`, fix);
  }
  const deliver = parsed.data?.deliver;
  if (deliver !== undefined && (deliver.to ?? deliver.recipient) === undefined) {
    report("error", FILE, at("config", "deliver"), "config.deliver: to is missing", "Add to");
  }
}

function checkHeartbeats({ settings, origins }: Checked, report: Report): void {
  for (const { file, index, agent } of origins) {
    const knowsTenant = settings.singleTenant || agent.tenant_id !== undefined;
    if (!agent.heartbeat.enabled || knowsTenant) continue;
    report(
      "warning",
      file,
      ["agents", index, "heartbeat"],
      `nothing says for which tenant agent "${agent.id}" has a heartbeat, so it has none`,
      "Give the agent a tenant_id, or set enabled: false",
    );
  }
}
