/**
 * Schedules over a real store and a clock that the test sets.
 *
 * @module
 */
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sessionIdOf } from "../../core/agents/session.ts";
import type { AgentEvent } from "../../core/contract/mod.ts";
import { createParts } from "../../core/daemon/parts.ts";
import type { OpenInbound } from "../../core/queues/inbounds.ts";
import type { OpenOutbound } from "../../core/queues/outbound.ts";
import type { AskPoller } from "../../core/schedules/polls.ts";
import { createScheduleReads, type ScheduleReads } from "../../core/schedules/schedule_reads.ts";
import { openSchedules, type Schedules } from "../../core/schedules/schedules.ts";
import type { Settings } from "../../core/settings/settings.ts";
import { openStore } from "../../core/store/open_store.ts";
import { statement, type Store } from "../../core/store/store.ts";
import { openVault, type Vault } from "../../core/vault/vault.ts";
import { settingsOf } from "./settings.ts";
import type { Spine } from "./spine.ts";
import { migrationsDir, openTestStore, silentLog } from "./store.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

/** A clock that stands still until it is set. */
export interface TestClock {
  readonly now: () => number;
  readonly set: (at: string | number) => void;
  readonly pass: (ms: number) => void;
}

/** A clock at `at`. */
export function clockAt(at: string): TestClock {
  let ms = Date.parse(at);
  return {
    now: () => ms,
    set: (to) => void (ms = typeof to === "number" ? to : Date.parse(to)),
    pass: (by) => void (ms += by),
  };
}

/** What a time became. */
export interface Fired {
  readonly at: string;
  readonly text: string;
  readonly account: string;
  readonly agent: string;
}

/** Schedules of one core. */
export interface SchedulesPlace extends AsyncDisposable {
  readonly spine: Spine;
  readonly store: Store;
  readonly vault: Vault;
  readonly clock: TestClock;
  readonly reads: ScheduleReads;
  readonly schedules: Schedules;
  readonly delivered: OpenOutbound[];
  readonly settings: () => Settings;
  /** Puts other settings in force. */
  readonly change: (files: Readonly<Record<string, string>>) => Promise<void>;
  /** Ends the process and starts another over the same file. */
  readonly restart: () => Promise<SchedulesPlace>;
  /** Ends the turns of all messages so far. */
  readonly answer: () => Promise<void>;
  /** Every message of a schedule so far, by the time it was for. */
  readonly fired: () => Promise<Fired[]>;
  readonly events: (kind: AgentEvent["kind"]) => Promise<AgentEvent[]>;
  /** Whether so many more messages may wait. */
  accepts: boolean;
}

/** How a place begins. */
export interface PlaceOptions {
  readonly files: Readonly<Record<string, string>>;
  readonly clock: TestClock;
  readonly ask?: AskPoller;
}

/** Opens schedules that were started at the clock's time. */
export async function openSchedulesPlace(options: PlaceOptions): Promise<SchedulesPlace> {
  const { store, dir } = await openTestStore({ now: options.clock.now });
  return openOver(store, dir, options, await settingsOf(options.files));
}

async function openOver(
  store: Store,
  dir: string,
  { clock, ask, files }: PlaceOptions,
  first: Settings,
): Promise<SchedulesPlace> {
  let inForce = first;
  const settings = () => inForce;
  const { now } = clock;
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now });
  const parts = createParts({ store, vault, settings, random, now, log: silentLog });
  const reads = createScheduleReads({ store, sealer: vault });
  const delivered: OpenOutbound[] = [];
  const close = async (): Promise<void> => {
    await schedules[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    await rm(dir, { recursive: true, force: true });
  };
  const spine: Spine = {
    ...parts,
    store,
    sealer: vault,
    dir,
    settings,
    now,
    log: silentLog,
    [Symbol.asyncDispose]: close,
  };
  const pushed: OpenInbound[] = [];
  const schedules = openSchedules({
    ...parts,
    store,
    reads,
    sealer: vault,
    eventRows: parts.rows.events,
    transcriptRows: parts.rows.transcript,
    settings,
    sessionIdOf,
    ask: ask ?? (() => Promise.reject(new Error("nobody is asked here"))),
    deliver: (items) => void delivered.push(...items),
    accepts: () => place.accepts,
    schedule: (items) => void pushed.push(...items),
    now,
    log: silentLog,
  });
  await schedules.start();
  const place: SchedulesPlace = {
    spine,
    store,
    vault,
    clock,
    reads,
    schedules,
    delivered,
    settings,
    accepts: true,
    async change(next) {
      inForce = await settingsOf(next);
      await schedules.align();
    },
    async restart() {
      await schedules[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
      const url = `file:${join(dir, "core.db")}`;
      const again = await openStore({ url, migrationsDir, now, log: silentLog });
      return openOver(again, dir, { clock, files, ...(ask && { ask }) }, inForce);
    },
    answer: () => store.commit([statement("UPDATE inbounds SET state = 'done'", [])]),
    async fired() {
      const rows = await store.readMany<{ id: string; account_id: string }>(
        "SELECT id, account_id FROM inbounds ORDER BY id",
      );
      const inbounds = await Promise.all(
        rows.map(async ({ id, account_id }) => (await spine.inbounds.load(account_id, [id]))[0]),
      );
      return inbounds.flatMap((inbound) =>
        inbound === undefined ? [] : [{
          at: new Date(inbound.sent_at_ms).toISOString(),
          text: inbound.text,
          account: inbound.key.account_id,
          agent: inbound.key.agent_id,
        }]
      );
    },
    async events(kind) {
      const { events } = await spine.events.listForOperator({ kinds: [kind], after: 0 });
      return events.map(({ body }) => JSON.parse(body) as AgentEvent);
    },
    [Symbol.asyncDispose]: close,
  };
  return place;
}
