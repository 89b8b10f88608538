/**
 * Whether core can work: its parts asked one by one, with reasons a person can act on.
 *
 * @module
 */
import { statfs } from "node:fs/promises";
import { basename } from "node:path";
import type { Bus } from "../bus/bus.ts";
import {
  type Clock,
  CodedError,
  codeOf,
  ERROR_CODES,
  type Readiness,
  readinessOf,
  type ReadinessPart,
  readyPart,
} from "../contract/mod.ts";
import { delay } from "../flow/delay.ts";
import type { Host } from "../microapps/host.ts";
import { statement, type Store } from "../store/store.ts";
import type { FlushReport } from "../store/writer.ts";
import type { LiveSettings } from "./config.ts";

/** What is asked. */
export interface ReadinessDeps {
  readonly store: Pick<Store, "commit" | "read">;
  readonly bus: Pick<Bus, "status">;
  readonly host: Pick<Host, "settled" | "status">;
  readonly config: Pick<LiveSettings, "current" | "refusal">;
  /** The directory of the database. */
  readonly stateDir: string;
  readonly lastFlush: () => FlushReport | undefined;
  readonly now: Clock;
}

/** Below this the disk is nearly full, in bytes. */
const LOW_DISK_BYTES = 256 * 1024 * 1024;
/** How long the store may take to answer. */
const PROBE_MS = 1_000;
const BUS_DOWN =
  "core has no connection to the broker and keeps trying; check that the NATS server of broker.url or NEXO_NATS_URL runs";

/** Returns what answers `/readyz` of core; it never rejects. */
export function createReadiness(deps: ReadinessDeps): () => Promise<Readiness> {
  const { bus, host, config, stateDir } = deps;
  const settled = new Set<string>();
  const markSettled = (): void => {
    for (const { id } of host.status()) settled.add(id);
  };
  // Otherwise a restart before the first question would look like a first start.
  void host.settled().then(markSettled, markSettled);
  return async function readiness() {
    const parts = [
      await storePart(deps),
      bus.status() === "ready" ? readyPart("bus") : down("bus", BUS_DOWN),
      configPart(config),
      await diskPart(stateDir),
      ...host.status().map((microapp) => microappPart(microapp, settled)),
    ];
    return readinessOf(config.current().version, parts);
  };
}

async function storePart({ store, lastFlush, now }: ReadinessDeps): Promise<ReadinessPart> {
  const failed = lastFlush()?.error ?? null;
  // Without a failure a look is enough; after one only a write shows that writing works again.
  const probe = failed === null ? store.read("SELECT 1") : store.commit([
    statement(
      "INSERT INTO meta (key, value) VALUES ('write_probe', ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      [String(now())],
    ),
  ]);
  const stop = new AbortController();
  try {
    const late = delay(PROBE_MS, { signal: stop.signal }).then(() => {
      const message = "Cannot reach the store: it did not answer in time";
      throw new CodedError("store_busy", message);
    });
    await Promise.race([probe, late.catch(ignoreStop(stop.signal))]);
    return readyPart("store");
  } catch (error) {
    return down("store", STORE_REASONS[codeOf(error)] ?? ERROR_CODES[codeOf(error)].says);
  } finally {
    stop.abort();
  }
}

/** The end of a wait that nobody needs any more is no failure. */
function ignoreStop(signal: AbortSignal): (error: unknown) => void {
  return (error) => {
    if (!signal.aborted) throw error;
  };
}

const STORE_REASONS: Partial<Record<string, string>> = {
  store_full: "the database cannot be written: free space on the disk of NEXO_HOME",
  store_busy: "another process keeps the database locked: close it; only the daemon may open it",
  store_closed: "the daemon is stopping",
};

function configPart({ current, refusal }: ReadinessDeps["config"]): ReadinessPart {
  const refused = refusal();
  if (refused === undefined) return readyPart("config");
  // The problem's own text may name tenants, so only its place is told here.
  const errors = refused.problems.filter(({ severity }) => severity === "error");
  const [first] = errors;
  const where = first === undefined ? "" : ` at ${basename(first.file)}:${first.line}`;
  const more = errors.length > 1 ? ` and ${errors.length - 1} more` : "";
  return degraded(
    "config",
    `the last reload was refused${where}${more}, version ${current().version} stays in force; ` +
      'run "nexo check", then "nexo reload"',
  );
}

async function diskPart(stateDir: string): Promise<ReadinessPart> {
  try {
    const { bavail, bsize } = await statfs(stateDir);
    const freeBytes = bavail * bsize;
    if (freeBytes >= LOW_DISK_BYTES) return readyPart("disk");
    const freeMib = Math.floor(freeBytes / 1024 / 1024);
    return degraded("disk", `${freeMib} MiB are left on the disk of NEXO_HOME: free some space`);
  } catch {
    return degraded("disk", "the disk of NEXO_HOME cannot be asked how full it is");
  }
}

/** Its first handshake must have ended, well or badly; whatever comes later only degrades. */
function microappPart(
  { id, state }: ReturnType<Host["status"]>[number],
  settled: Set<string>,
): ReadinessPart {
  const part = `microapp:${id}`;
  if (state === "spawning" && !settled.has(id)) {
    return down(part, "its first handshake is under way");
  }
  settled.add(id);
  if (state === "ready") return readyPart(part);
  return degraded(part, `it is ${state}: see "nexo ext status ${id}" and its stderr there`);
}

function down(part: string, reason: string): ReadinessPart {
  return { part, state: "down", reason };
}

function degraded(part: string, reason: string): ReadinessPart {
  return { part, state: "degraded", reason };
}
