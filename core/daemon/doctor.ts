/**
 * The checks of `nexo doctor`, over everything that runs.
 *
 * @module
 */
import { basename } from "node:path";
import type { DoctorCheck } from "../admin/doctor.ts";
import type { Finding } from "../contract/views/health.ts";
import type { InstanceView } from "../channels/attendants.ts";
import {
  basePathOf,
  bindingId,
  type Clock,
  type EdgeConfig,
  type EdgeSource,
  type Readiness,
  TOGGLES,
} from "../contract/mod.ts";
import type { SourceHealth, SourceView } from "../intake/source_health.ts";
import type { Host } from "../microapps/host.ts";
import type { ServerStatus } from "../microapps/http/servers.ts";
import type { LiveSettings } from "./config.ts";
import { skillFindings } from "./skill_findings.ts";
import { toolFindings } from "./tool_findings.ts";
import type { Work } from "./work.ts";

/** What the checks look at. */
export interface DoctorDeps {
  readonly edgeConfig: () => EdgeConfig;
  readonly sources: SourceHealth;
  readonly readiness: () => Promise<Readiness>;
  readonly channelHealth: () => Promise<readonly InstanceView[]>;
  readonly config: Pick<LiveSettings, "current" | "warnings">;
  readonly host: Pick<Host, "status">;
  readonly work: Pick<Work, "tools">;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: Clock;
}

/** All checks, in the order they are shown. A new part adds its own here. */
export function doctorChecks(deps: DoctorDeps): DoctorCheck[] {
  return [
    { area: "core", run: () => partFindings(deps) },
    { area: "config", run: () => configFindings(deps) },
    { area: "sources", run: () => sourceFindings(deps) },
    { area: "channels", run: () => channelFindings(deps) },
    { area: "http", run: () => serverFindings(deps) },
    { area: "skills", run: () => skillFindings(deps.config.current(), deps.env) },
    { area: "tools", run: () => namedToolFindings(deps) },
  ];
}

/** Store, bus, config, disk and microapps, as `/readyz` says it; the reason says what to do. */
async function partFindings({ readiness }: DoctorDeps): Promise<Finding[]> {
  const levels = { ready: "ok", degraded: "warning", down: "error" } as const;
  return (await readiness()).parts.map(({ part, state, reason }) => ({
    level: levels[state],
    subject: part,
    message: reason === null ? state : `${state}: ${reason}`,
    fix: null,
  }));
}

/** What `nexo check` would warn of, with its place. */
function configFindings({ config }: DoctorDeps): Finding[] {
  return config.warnings().map((text) => {
    const [place = "", ...message] = text.split(" ");
    const fix = "`nexo check` says how to mend it";
    return { level: "warning", subject: basename(place), message: message.join(" "), fix };
  });
}

/** Instances agents answer on: whether they hear and can answer. */
async function channelFindings({ channelHealth }: DoctorDeps): Promise<Finding[]> {
  return (await channelHealth()).map(({ channel, instance, state, reason }) => ({
    subject: bindingId(channel, instance),
    ...channelFinding(state, reason ?? ""),
  }));
}

function channelFinding(state: InstanceView["state"], reason: string): Omit<Finding, "subject"> {
  const fix = "docs/channels.md says what this channel needs";
  switch (state) {
    case "attended":
    case "working":
      return {
        level: "ok",
        message: reason === "" ? "ready" : `trying again: ${reason}`,
        fix: null,
      };
    case "not_ready":
      return { level: "warning", message: reason, fix };
    case "auth": {
      const register = "Register a new credential with `nexo credentials register`";
      return { level: "error", message: `its credential is refused: ${reason}`, fix: register };
    }
    case "failed":
      return { level: "error", message: reason, fix };
  }
}

/** Tools that agents name; while a microapp is not ready, nobody knows which there are. */
function namedToolFindings({ host, config, work }: DoctorDeps): Finding[] {
  return host.status().every(({ state }) => state === "ready")
    ? toolFindings(config.current(), work.tools())
    : [];
}

/** HTTP servers of microapps: whether `/apps/<id>/` leads anywhere. */
function serverFindings({ host, config }: DoctorDeps): Finding[] {
  const { entries } = config.current().extensions;
  return host.status().flatMap(({ id, http }) => {
    if (http === null) return [];
    const access = entries[id]?.http.access ?? "public";
    return [{ subject: id, ...serverFinding(http, `${basePathOf(id)}/ (${access})`) }];
  });
}

function serverFinding(
  { state, reason, url }: ServerStatus,
  place: string,
): Omit<Finding, "subject"> {
  switch (state) {
    case "ready":
      return { level: "ok", message: `${url} is well; ${place} leads there`, fix: null };
    case "unwatched":
      return {
        level: "warning",
        message: `${url} is not probed; ${place} leads there, well or not`,
        fix: `Take ${TOGGLES.http_servers.variable} out of core's environment`,
      };
    case "stopped":
    case "starting":
      return { level: "warning", message: `${place} answers 503: ${reason ?? ""}`, fix: null };
    case "unhealthy":
      return {
        level: "error",
        message: `${place} answers 503: ${reason ?? ""}`,
        fix: "See its stderr with `nexo ext status`, and http_server in its manifest",
      };
  }
}

function sourceFindings({ edgeConfig, sources, now }: DoctorDeps): Finding[] {
  const views = new Map(sources.list().map((view) => [view.source_id, view]));
  return edgeConfig().sources.flatMap((source) => {
    const finding = (level: Finding["level"], message: string, fix: string | null): Finding => ({
      level,
      subject: source.id,
      message,
      fix,
    });
    if (!source.enabled) return [finding("ok", "switched off", null)];
    if (source.disabled_reason !== null) {
      const fix = `Set ${source.secret_env} as the preset's page in docs/providers says`;
      return [finding("error", source.disabled_reason, fix)];
    }
    return [
      stateFinding(source, views.get(source.id), now(), finding),
      ...rotation(source, now())
        .map((message) => finding("ok", message, null)),
    ];
  });
}

function stateFinding(
  { secret_env: env }: EdgeSource,
  view: SourceView | undefined,
  nowMs: number,
  finding: (level: Finding["level"], message: string, fix: string | null) => Finding,
): Finding {
  const ago = (ms: number | null): string => ms === null ? "never" : `${shortSpan(nowMs - ms)} ago`;
  if (view === undefined) return finding("ok", "nothing yet", null);
  const counts = `${view.accepted} accepted, ${view.rejected} rejected since the start`;
  switch (view.state) {
    case "ok":
      return finding("ok", `${counts}; last accepted ${ago(view.last_accepted_at_ms)}`, null);
    case "rejecting":
      return finding(
        "error",
        `rejecting for ${shortSpan(nowMs - view.since_ms)}: ${view.last_reason ?? ""}; ${counts}`,
        `Compare ${env} with the provider's secret; the edge's log has each refusal`,
      );
    case "silent":
      return finding(
        "warning",
        `silent: last accepted ${ago(view.last_accepted_at_ms)}; ${counts}`,
        "See whether the provider still sends; set silent_after_secs if this is usual",
      );
  }
}

function rotation(
  { previous_secret, previous_secret_until_ms: untilMs }: EdgeSource,
  nowMs: number,
) {
  if (previous_secret === null || untilMs === null) return [];
  return untilMs > nowMs
    ? [`the previous secret is good for another ${shortSpan(untilMs - nowMs)}`]
    : ["the previous secret has ended; take previous_secret_env out"];
}

/** A span of time in one unit, for people. */
function shortSpan(ms: number): string {
  const secs = Math.max(0, Math.floor(ms / 1000));
  if (secs < 120) return `${secs} s`;
  if (secs < 7200) return `${Math.floor(secs / 60)} min`;
  return secs < 172_800 ? `${Math.floor(secs / 3600)} h` : `${Math.floor(secs / 86_400)} days`;
}
