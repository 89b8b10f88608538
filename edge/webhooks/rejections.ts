/**
 * Refused signatures, counted and told to core: at once when they begin, then at intervals.
 *
 * @module
 */
import type { Bus } from "../../core/bus/bus.ts";
import { type Clock, codeOf, type RejectionReport, subjects } from "../../core/contract/mod.ts";
import type { Log } from "../../core/flow/log.ts";
import type { RefusedWebhook } from "./receive.ts";

/** Counts refusals. Of the requests themselves only the last one's id is kept. */
export interface Rejections {
  /** Counts a request that was refused for its signature; others pass. */
  readonly note: (refused: RefusedWebhook) => void;
  /** Tells core what is left, and stops. */
  readonly close: () => Promise<void>;
}

/** Time between two reports, in milliseconds. */
const REPORT_EVERY_MS = 5_000;
const REPORT_LIMIT_MS = 2_000;
/** The status of a request whose signature did not do. */
const UNAUTHORIZED = 401;

type Report = RejectionReport["sources"][number];

const encoder = new TextEncoder();

/** Returns counters at zero; there is one for each source and reason, and so there are few. */
export function createRejections({ bus, now, log }: {
  bus: Pick<Bus, "request">;
  now: Clock;
  log: Log;
}): Rejections {
  const counts = new Map<string, Report>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let underWay: Promise<void> | undefined;
  let isClosed = false;

  function add(report: Report): void {
    const known = counts.get(report.source_id);
    if (known === undefined) return void counts.set(report.source_id, report);
    for (const [reason, count] of Object.entries(report.reasons)) {
      known.reasons[reason] = (known.reasons[reason] ?? 0) + count;
    }
    known.last_request_id = report.last_request_id;
  }

  async function tell(): Promise<void> {
    const sources = Array.from(counts.values());
    if (sources.length === 0) return;
    counts.clear();
    const message: RejectionReport = { at_ms: now(), sources };
    try {
      const data = encoder.encode(JSON.stringify(message));
      await bus.request(subjects.rejections, data, { timeoutMs: REPORT_LIMIT_MS });
    } catch (error) {
      log.info("webhook.rejections_untold", { code: codeOf(error) });
      for (const report of sources) add(report);
    }
  }

  /** Tells what there is and looks again later; when nothing came by then, it rests. */
  function beat(): void {
    timer = undefined;
    if (counts.size === 0 || isClosed) return;
    underWay = tell();
    timer = setTimeout(beat, REPORT_EVERY_MS);
  }

  return {
    note({ source_id, status, reason, request_id }) {
      if (status !== UNAUTHORIZED) return;
      add({ source_id, reasons: { [reason]: 1 }, last_request_id: request_id });
      if (timer === undefined) beat();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await underWay;
      await tell();
    },
  };
}
