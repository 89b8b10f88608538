/**
 * Every admin method over real files and a store of its own, as a daemon puts them together.
 *
 * @module
 */
import { join } from "node:path";
import { createOutbox } from "../../core/queues/outbox.ts";
import { sessionIdOf } from "../../core/agents/session.ts";
import { webchatChannel as webchat } from "../../core/channels/webchat.ts";
import { createUuids, type Handoff, type Outcome } from "../../core/contract/mod.ts";
import { createAdminMethods } from "../../core/daemon/admin_methods.ts";
import { createParts } from "../../core/daemon/parts.ts";
import { openLimits } from "../../core/limits/limits.ts";
import { openOversight } from "../../core/oversight/oversight.ts";
import { createTranscripts } from "../../core/record/transcripts.ts";
import { createScheduleControl } from "../../core/schedules/control.ts";
import { alignedRows } from "../../core/schedules/declared.ts";
import { createScheduleReads } from "../../core/schedules/schedule_reads.ts";
import { createChallenges } from "../../core/pairing/challenges.ts";
import { createPairing } from "../../core/pairing/pairing.ts";
import { createPeople } from "../../core/pairing/people.ts";
import { openCredentials } from "../../core/vault/credentials.ts";
import { openMicroappTokens } from "../../core/vault/microapp_tokens.ts";
import { openVault } from "../../core/vault/vault.ts";
import { openConfigPlace, openDispatch } from "./admin.ts";
import { openTestStore, silentLog } from "./store.ts";

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

const NOTHING_ERASED = {
  transcripts: 0,
  tool_calls: 0,
  messages: 0,
  deliveries: 0,
  dead_letters: 0,
  events: 0,
  turns: 0,
};

/** Opens a place with these config files; disposing removes all of it. */
export async function openAdminPlace(files: Readonly<Record<string, string>>) {
  const place = await openConfigPlace(files);
  const opened = await openTestStore();
  const { store } = opened;
  const { config, dir, env } = place;
  const uuid = createUuids({ now: Date.now, random });
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now: Date.now });
  const secretsDir = join(dir, "home/secrets");
  const credentials = await openCredentials({
    dir: secretsDir,
    sealer: vault,
    random,
    now: () => 7,
    onUnreadable: (path, reason) => {
      throw new Error(`${path}: ${reason}`);
    },
  });
  const challenges = createChallenges({
    store,
    sealer: vault,
    mac: (text) => vault.mac("p", text),
  });
  const people = createPeople({ store });
  const pairing = createPairing({
    store,
    challenges,
    people,
    invite: () => Promise.resolve({ link: undefined, instructions: "Send the code." }),
    eventRows: () => [],
    notify: () => {},
    random,
    uuid,
    now: Date.now,
    log: silentLog,
  });
  const tokens = openMicroappTokens({ dir: join(secretsDir, "microapps"), random });
  const outbox = createOutbox({ store, sealer: vault, textLimitOf: () => 10_000 });
  const dispatched: string[] = [];
  const notices: { id: string; method: string; params: unknown }[] = [];
  const erasures: unknown[] = [];
  const handoffs: Handoff[] = [];
  const transcripts = createTranscripts({
    store,
    redact: (text) => text,
    sealer: vault,
    modelHistory: () => "sealed",
    isIndexed: () => true,
  });
  const settings = config.current;
  const tenants = () => [...settings().tenants.keys()];
  const parts = createParts({ store, vault, settings, random, now: Date.now, log: silentLog });
  const oversight = openOversight({
    ...parts,
    settings,
    store,
    sessionIdOf,
    pendingCap: 50,
    canSend: (channel, kind) => channel === webchat.id && webchat.sends.has(kind),
    send: () => {},
    schedule: () => {},
    sendsUnderWay: () => ({ ids: new Set(), settled: Promise.resolve() }),
    wakeSends: () => {},
    now: Date.now,
    log: silentLog,
  });
  await oversight.load();
  const reads = createScheduleReads({ store, sealer: vault });
  const align = async (): Promise<void> => {
    const known = await reads.declaredForOperator();
    const options = { nowMs: Date.now(), booting: false };
    for (const unit of alignedRows(known, settings(), options)) await store.commit(unit);
  };
  await align();
  const limits = openLimits({ store, now: Date.now, log: silentLog });
  const holder = (_source: string, key: string) => {
    const known = handoffs.find(({ dedupe_key }) => dedupe_key === key);
    return Promise.resolve(known && { id: known.envelope.envelope_id, untilMs: 0 });
  };
  function deliver([handoff]: readonly Handoff[]): Promise<Outcome[]> {
    if (handoff === undefined) return Promise.resolve([]);
    const { envelope_id } = handoff.envelope;
    const known = handoffs.some(({ dedupe_key }) => dedupe_key === handoff.dedupe_key);
    if (!known) handoffs.push(handoff);
    return Promise.resolve([{ kind: known ? "duplicate" : "accepted", envelope_id }]);
  }
  const methods = createAdminMethods({
    ...parts,
    outbox,
    transcripts,
    store,
    env,
    now: Date.now,
    log: silentLog,
    config,
    credentials,
    channels: new Map([[webchat.id, webchat]]),
    pairing: { challenges, people, pairing },
    secretsDir,
    microappTokens: tokens,
    schedules: {
      reads,
      align,
      control: createScheduleControl({ store, now: Date.now, onDue: () => {} }),
    },
    causes: { of: () => ["an event with two hops"] },
    inbox: { ...parts.inbox, hops: () => Promise.resolve(2), holder },
    host: {
      status: () => [{ id: "shop" }],
      notify(id, method, params) {
        notices.push({ id, method, params });
        return true;
      },
      pollerOf: (kind, account) => kind === "mailbox" && account === "acme" ? "shop" : undefined,
      boundTo: (id, channel) => id === "shop" && channel === "webchat" ? ["acme"] : [],
      publishes: (id) => id === "shop" ? ["shop.>"] : [],
    },
    work: {
      oversight,
      delivery: { push: (items) => void dispatched.push(...items.map(({ id }) => id)) },
      dispatchLimits: limits.dispatches,
      intake: { deliver },
    },
    createdAtMs: () => Promise.resolve(0),
    erase(whom) {
      erasures.push(whom);
      return Promise.resolve({
        erased: { ...NOTHING_ERASED, transcripts: 1 },
        microapps: [{ microapp_id: "shop", erased: 2, error: null }],
      });
    },
    probeModels: () => Promise.resolve({ ok: true, status: 200, latency_ms: 1 }),
  });
  const isTenant = (account: string) => tenants().includes(account);
  return {
    ...place,
    ...openDispatch(methods, isTenant, env),
    methods,
    store,
    parts,
    oversight,
    transcripts,
    secretsDir,
    credentials,
    pairing,
    tokens,
    notices,
    erasures,
    handoffs,
    dispatched,
    async [Symbol.asyncDispose]() {
      await limits[Symbol.asyncDispose]();
      await oversight[Symbol.asyncDispose]();
      parts.events[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
