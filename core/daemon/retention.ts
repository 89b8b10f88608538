/**
 * What is kept of the record and for how long, looked after at the start and now and then.
 *
 * @module
 */
import { type Clock, codeOf, messageOf } from "../contract/mod.ts";
import { openRetention } from "../events/retention.ts";
import type { Log } from "../flow/log.ts";
import { openSweep } from "../flow/sweep.ts";
import { trimQueues } from "../queues/retention.ts";
import { type AuditKeep, trimAudit } from "../record/audit_retention.ts";
import type { TranscriptFiles } from "../record/transcript_files.ts";
import { trimTranscripts } from "../record/transcript_retention.ts";
import type { Transcripts } from "../record/transcripts.ts";
import type { Settings } from "../settings/settings.ts";
import type { Store } from "../store/store.ts";
import type { SignedHeads } from "./signed_heads.ts";

/** What looking after the record needs. */
export interface RecordRetentionDeps {
  readonly store: Store;
  readonly settings: () => Settings;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly heads: Pick<SignedHeads, "writeCheckpoint">;
  readonly transcripts: Pick<Transcripts, "forget">;
  readonly transcriptFiles: Pick<TranscriptFiles, "trim">;
  /** Hears how many rows went of what. */
  readonly onTrimmed: (what: string, rows: number) => void;
  readonly now: Clock;
  readonly log: Log;
}

const EVERY_MS = 3_600_000;

/** Trims audit, transcripts and queues until disposed. */
export function openRecordRetention(deps: RecordRetentionDeps): AsyncDisposable {
  const { store, settings, env, heads, now, log } = deps;
  const keep = auditKeepOf(env, log);

  async function trim(what: string, work: () => Promise<number>): Promise<void> {
    try {
      const rows = await work();
      if (rows === 0) return;
      deps.onTrimmed(what, rows);
      log.info("record.trimmed", { what, rows });
    } catch (error) {
      log.warn("record.trim_failed", { what, code: codeOf(error), error: messageOf(error) });
    }
  }

  return openSweep({
    everyMs: EVERY_MS,
    async sweep(signal) {
      const nowMs = now();
      const { writeCheckpoint } = heads;
      const { transcripts } = settings();
      await trim("admin_audit", () => trimAudit({ store, keep, nowMs, writeCheckpoint, signal }));
      signal.throwIfAborted();
      await trim("transcripts", async () => {
        const trimmed = await trimTranscripts({
          store,
          daysOf: (account) =>
            transcripts.tenants[account]?.retention_days ?? transcripts.retention_days,
          nowMs,
          signal,
        });
        if (trimmed > 0) {
          deps.transcripts.forget();
          await deps.transcriptFiles.trim();
        }
        return trimmed;
      });
      signal.throwIfAborted();
      const days = transcripts.deliveries.retention_days;
      await trim("deliveries", () => trimQueues({ store, days, nowMs, signal }));
    },
    onFailure: (error) => log.warn("record.trim_failed", { code: codeOf(error), error }),
  });
}

/** Trims the event log until disposed; `onTrimmed` hears how many rows went. */
export function openEventRetention(
  { settings, ...deps }: Pick<RecordRetentionDeps, "log" | "now" | "settings" | "store"> & {
    readonly onTrimmed: (rows: number) => void;
  },
): AsyncDisposable {
  return openRetention({
    ...deps,
    keep() {
      const { retention_days: days, max_rows: rows } = settings().transcripts.events;
      return { days, rows };
    },
  });
}

const DEFAULT_KEEP: AuditKeep = { days: 90, calls: 100_000 };

/** What the operator's environment says of the audit; nonsense is told and changes nothing. */
function auditKeepOf(env: RecordRetentionDeps["env"], log: Log): AuditKeep {
  const read = (name: string, fallback: number): number => {
    const text = env[name];
    if (text === undefined || text === "") return fallback;
    const value = Number(text);
    if (Number.isSafeInteger(value) && value >= 0) return value;
    log.warn("config.ignored", { name, value: text, used: fallback });
    return fallback;
  };
  return {
    days: read("NEXO_MICROAPP_ADMIN_AUDIT_RETENTION_DAYS", DEFAULT_KEEP.days),
    calls: read("NEXO_MICROAPP_ADMIN_AUDIT_MAX_ROWS", DEFAULT_KEEP.calls),
  };
}
