/**
 * Every admin method over real files and a store of its own, as a daemon puts them together.
 *
 * @module
 */
import { join } from "node:path";
import { agentEventMethods } from "../../core/admin/agent_events.ts";
import { agentMethods } from "../../core/admin/agents.ts";
import { channelMethods } from "../../core/admin/channels.ts";
import { credentialMethods } from "../../core/admin/credentials.ts";
import { apiRootOf, CHANNEL_CREDENTIALS } from "../../core/channels/credentials/mod.ts";
import { llmProviderMethods } from "../../core/admin/llm_providers.ts";
import { pairingMethods } from "../../core/admin/pairing.ts";
import { pollerMethods } from "../../core/admin/pollers.ts";
import { dispatchMethods } from "../../core/admin/dispatch.ts";
import { createOutbox } from "../../core/queues/outbox.ts";
import { publishMethods } from "../../core/admin/publish.ts";
import { secretMethods, type TokenRotation } from "../../core/admin/secrets.ts";
import { skillMethods } from "../../core/admin/skills.ts";
import { tenantRecordMethods } from "../../core/admin/tenant_record.ts";
import { tenantMethods } from "../../core/admin/tenants.ts";
import { sessionIdOf } from "../../core/agents/session.ts";
import { webchatChannel as webchat } from "../../core/channels/webchat.ts";
import { createUuids, type Handoff, type Outcome } from "../../core/contract/mod.ts";
import { oversightMethods } from "../../core/daemon/oversight_methods.ts";
import { createParts } from "../../core/daemon/parts.ts";
import { createEventLog } from "../../core/events/event_log.ts";
import { openOversight } from "../../core/oversight/oversight.ts";
import { createTranscriptSearch } from "../../core/record/search.ts";
import { createTranscripts } from "../../core/record/transcripts.ts";
import { readUsage } from "../../core/models/budget/usage.ts";
import { tailAudit } from "../../core/record/admin_audit.ts";
import { tailForAccount } from "../../core/record/turns.ts";
import { createScheduleControl } from "../../core/schedules/control.ts";
import { alignedRows } from "../../core/schedules/declared.ts";
import { createScheduleReads } from "../../core/schedules/schedule_reads.ts";
import { writeSecret } from "../../core/settings/written_secrets.ts";
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
  const rotations: TokenRotation[] = [];
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
  const changeConfig = config.change;
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
  const methods = [
    ...agentMethods({ settings, changeConfig, reload: config.reload, now: Date.now }),
    ...tenantRecordMethods({
      tailTurns: (account, query) => tailForAccount(store, account, query),
      readUsage: (query) => readUsage(store, query),
      tailAudit: (query) => tailAudit(store, query),
    }),
    ...tenantMethods({
      settings,
      changeConfig,
      createdAtMs: () => Promise.resolve(0),
      erase: (whom) => {
        erasures.push(whom);
        return Promise.resolve({ ...NOTHING_ERASED, transcripts: 1 });
      },
      now: () => 1_000,
    }),
    ...channelMethods({ settings, changeConfig, troubleOf: () => Promise.resolve(undefined) }),
    ...credentialMethods({
      settings,
      changeConfig,
      reload: config.reload,
      credentials,
      channels: CHANNEL_CREDENTIALS,
      probe: (channel, line, given) =>
        channel.probe(given, {
          fetch,
          apiRoot: apiRootOf(settings().plugins, line),
          timeoutMs: 5_000,
        }),
    }),
    ...pairingMethods({ settings, store, challenges, people, pairing }),
    ...llmProviderMethods({
      settings,
      changeConfig,
      secretOf: config.secretOf,
      probe: () => Promise.resolve({ ok: true, status: 200, latency_ms: 1 }),
    }),
    ...skillMethods({ root: join(place.configDir, "skills"), uuid }),
    ...agentEventMethods({
      events: createEventLog({ store, log: silentLog }),
      transcripts,
      search: createTranscriptSearch({ store, isIndexed: () => true }),
      accountOfSession: (id) => transcripts.accountOfSession(id),
    }),
    ...secretMethods({
      settings,
      reload: config.reload,
      writeSecret: (name, value) => writeSecret(secretsDir, { name, value, nonce: uuid() }),
      inEnvironment: (name) => env[name] !== undefined,
      isMicroapp: (id) => id === "shop",
      rotateToken: tokens.rotate,
      onRotated: (rotation) => Promise.resolve(void rotations.push(rotation)),
      now: () => 5,
    }),
    ...oversightMethods({ ...parts, settings, store, oversight, log: silentLog }),
    ...pollerMethods({
      settings,
      changeConfig,
      reads,
      align,
      control: createScheduleControl({ store, now: Date.now, onDue: () => {} }),
      pollerOf: (kind, account) => kind === "mailbox" && account === "acme" ? "shop" : undefined,
      now: Date.now,
    }),
    ...dispatchMethods({
      settings,
      store,
      outbox,
      transcriptRows: (session) => transcripts.rowsForTranscript(session),
      sessionIdOf,
      canSend: (channel, kind) => channel === "webchat" && kind === "text",
      boundTo: (id, channel) => id === "shop" && channel === "webchat" ? ["acme"] : [],
      registered: (id, line) => credentials.find(line)?.registeredBy === id,
      deliver: (items) => void dispatched.push(...items.map(({ id }) => id)),
      uuid,
      now: Date.now,
    }),
    ...publishMethods({
      deliver(given): Promise<Outcome[]> {
        const [handoff] = given;
        if (handoff === undefined) return Promise.resolve([]);
        const { envelope_id } = handoff.envelope;
        const known = handoffs.some(({ dedupe_key }) => dedupe_key === handoff.dedupe_key);
        if (!known) handoffs.push(handoff);
        return Promise.resolve([{ kind: known ? "duplicate" : "accepted", envelope_id }]);
      },
      holder: (_source, key) =>
        Promise.resolve(
          handoffs.filter(({ dedupe_key }) => dedupe_key === key)
            .map(({ envelope }) => ({ id: envelope.envelope_id }))[0],
        ),
      patternsOf: (id) => id === "shop" ? ["shop.>"] : [],
      hopsOf: () => Promise.resolve(3),
      uuid,
      now: Date.now,
    }),
  ];
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
    rotations,
    erasures,
    handoffs,
    dispatched,
    async [Symbol.asyncDispose]() {
      await oversight[Symbol.asyncDispose]();
      parts.events[Symbol.dispose]();
      await opened[Symbol.asyncDispose]();
      await place[Symbol.asyncDispose]();
    },
  };
}
