/**
 * How each webhook source is: whether it brings events, refuses them, or has gone silent.
 *
 * @module
 */
import type {
  AgentEvent,
  Clock,
  RejectionReport,
  ResolvedSource,
  SourceState,
} from "../contract/mod.ts";

/** What the watch needs. */
export interface SourceHealthDeps {
  /** The sources in force, by id. */
  readonly sources: () => ReadonlyMap<string, ResolvedSource>;
  /** Puts an event on record; `account` null is the operator's. */
  readonly record: (account: string | null, event: AgentEvent) => void;
  readonly now: Clock;
}

/** A source as operators see it. */
export interface SourceView {
  readonly source_id: string;
  readonly state: SourceState;
  readonly since_ms: number;
  /** Since this core started. */
  readonly accepted: number;
  readonly rejected: number;
  readonly last_accepted_at_ms: number | null;
  readonly last_rejected_at_ms: number | null;
  readonly last_reason: string | null;
}

/** Watches sources; what it knows begins with this core. */
export interface SourceHealth {
  /** A delivery of this source is on disk, or was before. */
  readonly accepted: (sourceId: string, atMs: number) => void;
  readonly rejected: (report: RejectionReport) => void;
  /** Looks for silence, and reports refusals that waited; call it every minute. */
  readonly tick: () => void;
  readonly list: () => SourceView[];
}

/** Refusals in a row, none accepted between, that make a source `rejecting`. */
const REJECTIONS_IN_A_ROW = 3;
/** At most one `webhook_rejected`, and one turn to the worse, in this time for each source. */
const QUIET_MS = 60_000;
/** A silence is learnt from so many deliveries on. */
const MIN_DELIVERIES = 10;
/** A silence is so many times the longest gap between the last deliveries, and never under a day. */
const GAP_FACTOR = 4;
const GAPS_KEPT = 64;
const MIN_SILENCE_MS = 24 * 3600 * 1000;

interface Track {
  state: SourceState;
  sinceMs: number;
  accepted: number;
  rejected: number;
  inARow: number;
  lastAcceptedMs: number | null;
  lastRejectedMs: number | null;
  lastReason: string | null;
  lastRequestId: string | null;
  gapsMs: number[];
  unreported: Record<string, number>;
  unreportedSinceMs: number;
  reportedMs: number;
  worsenedMs: number;
}

/** Starts watching. */
export function createSourceHealth({ sources, record, now }: SourceHealthDeps): SourceHealth {
  const startedMs = now();
  const tracks = new Map<string, Track>();

  function trackOf(source: ResolvedSource): Track {
    const known = tracks.get(source.id);
    if (known !== undefined) return known;
    const track: Track = {
      state: "ok",
      sinceMs: startedMs,
      accepted: 0,
      rejected: 0,
      inARow: 0,
      lastAcceptedMs: null,
      lastRejectedMs: null,
      lastReason: null,
      lastRequestId: null,
      gapsMs: [],
      unreported: {},
      unreportedSinceMs: 0,
      reportedMs: Number.NEGATIVE_INFINITY,
      worsenedMs: Number.NEGATIVE_INFINITY,
    };
    tracks.set(source.id, track);
    return track;
  }

  function turn(source: ResolvedSource, track: Track, state: SourceState, detail: string): void {
    const atMs = now();
    if (track.state === state) return;
    if (state !== "ok") {
      if (atMs - track.worsenedMs < QUIET_MS) return;
      track.worsenedMs = atMs;
    }
    const previous_state = track.state;
    track.state = state;
    track.sinceMs = atMs;
    const event = { source_id: source.id, state, previous_state, detail, at_ms: atMs };
    record(source.account_id, { kind: "source_health", ...event });
  }

  function reportRejections(source: ResolvedSource, track: Track): void {
    const atMs = now();
    const count = Object.values(track.unreported).reduce((sum, one) => sum + one, 0);
    if (count === 0 || atMs - track.reportedMs < QUIET_MS) return;
    record(source.account_id, {
      kind: "webhook_rejected",
      source_id: source.id,
      count,
      reasons: track.unreported,
      last_request_id: track.lastRequestId ?? "",
      since_ms: track.unreportedSinceMs,
      at_ms: atMs,
    });
    track.unreported = {};
    track.reportedMs = atMs;
  }

  return {
    accepted(id, atMs) {
      const source = sources().get(id);
      if (source === undefined) return;
      const track = trackOf(source);
      if (track.lastAcceptedMs !== null) {
        track.gapsMs.push(Math.max(0, atMs - track.lastAcceptedMs));
        if (track.gapsMs.length > GAPS_KEPT) track.gapsMs.shift();
      }
      track.accepted++;
      track.inARow = 0;
      track.lastAcceptedMs = Math.max(atMs, track.lastAcceptedMs ?? 0);
      turn(source, track, "ok", "an event was accepted");
    },

    rejected({ at_ms: atMs, sources: reported }) {
      for (const { source_id: id, reasons, last_request_id: requestId } of reported) {
        const source = sources().get(id);
        if (source === undefined) continue;
        const track = trackOf(source);
        if (Object.keys(track.unreported).length === 0) track.unreportedSinceMs = atMs;
        for (const [reason, count] of Object.entries(reasons)) {
          track.unreported[reason] = (track.unreported[reason] ?? 0) + count;
          track.rejected += count;
          track.inARow += count;
          track.lastReason = reason;
        }
        track.lastRejectedMs = atMs;
        track.lastRequestId = requestId;
        reportRejections(source, track);
        if (track.inARow >= REJECTIONS_IN_A_ROW) {
          const detail = `${track.inARow} requests refused in a row: ${track.lastReason ?? ""}`;
          turn(source, track, "rejecting", detail);
        }
      }
    },

    tick() {
      const live = sources();
      for (const id of tracks.keys()) if (!live.has(id)) tracks.delete(id);
      for (const source of live.values()) {
        const track = trackOf(source);
        reportRejections(source, track);
        const limitMs = silenceOf(source, track);
        const silentMs = now() - (track.lastAcceptedMs ?? startedMs);
        if (!source.enabled || limitMs === undefined || silentMs <= limitMs) continue;
        if (track.state === "ok") {
          turn(source, track, "silent", `no event for ${Math.floor(silentMs / 1000)} s`);
        }
      }
    },

    list: () =>
      Array.from(sources().values(), (source) => {
        const track = trackOf(source);
        return {
          source_id: source.id,
          state: track.state,
          since_ms: track.sinceMs,
          accepted: track.accepted,
          rejected: track.rejected,
          last_accepted_at_ms: track.lastAcceptedMs,
          last_rejected_at_ms: track.lastRejectedMs,
          last_reason: track.lastReason,
        };
      }),
  };
}

/** How long a source may bring nothing, in milliseconds; undefined when too little is known. */
function silenceOf(source: ResolvedSource, { accepted, gapsMs }: Track): number | undefined {
  if (source.silent_after_ms !== null) return source.silent_after_ms;
  if (accepted < MIN_DELIVERIES) return undefined;
  return Math.max(MIN_SILENCE_MS, GAP_FACTOR * Math.max(...gapsMs));
}
