/**
 * The schedules, wired: what a time becomes, who is asked outside, where deliveries go.
 *
 * @module
 */
import { sessionIdOf } from "../agents/session.ts";
import type { Tool } from "../agents/tool_gate.ts";
import { type Clock, CodedError } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { Host } from "../microapps/host.ts";
import { createScheduleControl, type ScheduleControl } from "../schedules/control.ts";
import type { AskPoller } from "../schedules/polls.ts";
import { scheduleTool } from "../schedules/schedule_tool.ts";
import { createScheduleReads, type ScheduleReads } from "../schedules/schedule_reads.ts";
import { openSchedules, type Schedules } from "../schedules/schedules.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import type { Vault } from "../vault/vault.ts";
import type { Parts } from "./parts.ts";
import type { Work } from "./work.ts";

/** How long a microapp may take for one look, in milliseconds; `timeout_secs` of its entry overrides. */
const POLL_TIMEOUT_MS = 120_000;

/** What the schedules stand on. */
export interface SchedulesWiring extends Parts {
  readonly store: Store;
  readonly vault: Vault;
  readonly reads: ScheduleReads;
  readonly host: Host;
  readonly work: Work;
  readonly settings: () => Settings;
  readonly now: Clock;
  readonly log: Log;
}

/** Schedules, and how people find and change them. */
export interface WiredSchedules extends Schedules {
  readonly reads: ScheduleReads;
  readonly control: ScheduleControl;
}

/** Returns schedules that stand still until they are started. */
export function wireSchedules(deps: SchedulesWiring): WiredSchedules {
  const { store, work, vault, rows, reads, now } = deps;
  const schedules = openSchedules({
    ...deps,
    sealer: vault,
    eventRows: rows.events,
    transcriptRows: rows.transcript,
    sessionIdOf,
    ask: askerOf(deps.host),
    deliver: work.delivery.push,
    accepts: work.conversations.room.accepts,
    schedule: work.conversations.push,
  });
  const control = createScheduleControl({ store, now, onDue: schedules.wake });
  return { ...schedules, reads, control };
}

/** Asks the microapp that brings a job's kind. */
export function askerOf(host: Host): AskPoller {
  // What was due while core was down must not find its microapp missing.
  const microappsSettled = host.settled();
  return async function ask({ job, account, cursor, nowMs, signal }) {
    await microappsSettled;
    const microappId = host.pollerOf(job.kind, account);
    if (microappId === undefined) {
      const message = `Cannot poll: no microapp brings jobs of kind "${job.kind}"`;
      throw new CodedError("microapp_not_ready", message);
    }
    return host.request({
      microappId,
      account,
      method: "poll_tick",
      params: {
        kind: job.kind,
        job_id: job.id,
        agent_id: job.agent,
        cursor,
        config: job.config,
        now: new Date(nowMs).toISOString(),
        account_id: account,
        tenant_id: account,
      },
      timeoutMs: POLL_TIMEOUT_MS,
      signal,
    });
  };
}

/** The reads of schedules, and the tool that makes them; `onNew` hears of new ones. */
export function createScheduleParts(
  { store, vault, redact, onNew, now }:
    & Pick<SchedulesWiring, "store" | "vault" | "redact" | "now">
    & {
      readonly onNew: () => void;
    },
): { readonly reads: ScheduleReads; readonly tool: Tool } {
  const reads = createScheduleReads({ store, sealer: vault });
  return { reads, tool: scheduleTool({ reads, sealer: vault, sessionIdOf, redact, onNew, now }) };
}
