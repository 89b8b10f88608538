/**
 * Core's work as the daemon wires it, over a store of its own: intake, conversations, turns, delivery.
 *
 * @module
 */
import { join } from "node:path";
import type { Tool } from "../../core/agents/tool_gate.ts";
import type { Bus } from "../../core/bus/bus.ts";
import { openLocalBus } from "../../core/bus/local.ts";
import { webchatChannel, webchatMessage } from "../../core/channels/webchat.ts";
import type { Clock } from "../../core/contract/mod.ts";
import { createCoreMetrics } from "../../core/daemon/metrics.ts";
import { AGENT_VERSION, createCauses } from "../../core/daemon/microapps.ts";
import { openPairing } from "../../core/daemon/pairing.ts";
import { createParts, type Parts } from "../../core/daemon/parts.ts";
import { openWork, type Work } from "../../core/daemon/work.ts";
import type { MessageOutcome } from "../../core/intake/intake.ts";
import type { Log } from "../../core/flow/log.ts";
import { createMeter } from "../../core/flow/meter.ts";
import { createPooledRandom } from "../../core/flow/random.ts";
import { openHost } from "../../core/microapps/host.ts";
import type { AskModel } from "../../core/models/model.ts";
import type { Settings } from "../../core/settings/settings.ts";
import { openStore } from "../../core/store/open_store.ts";
import type { Store } from "../../core/store/store.ts";
import { openVault } from "../../core/vault/vault.ts";

/** What a person writes on the web channel. */
export interface Words {
  readonly instance: string;
  readonly contact: string;
  readonly text: string;
  readonly msgId?: string;
}

/** Core's work, running. Disposing ends it and closes the store. */
export interface OpenedWork extends AsyncDisposable {
  readonly work: Work;
  readonly parts: Parts;
  readonly store: Store;
  readonly bus: Bus;
  /** Puts settings in force. */
  readonly apply: (settings: Settings) => void;
  /** Says something; resolves when it is on disk. */
  readonly say: (words: Words) => Promise<MessageOutcome>;
}

/** What {@linkcode openCoreWork} needs. */
export interface CoreWorkOptions {
  /** An empty directory. */
  readonly dir: string;
  readonly migrationsDir: string;
  readonly settings: Settings;
  readonly tools: readonly Tool[];
  readonly now?: Clock;
  readonly log: Log;
  /** Sees each question to a model and may hold it up. @default nobody does */
  readonly watch?: (ask: AskModel) => AskModel;
}

/** Opens it. There is no microapp and no network; the web channel is the only one. */
export async function openCoreWork(options: CoreWorkOptions): Promise<OpenedWork> {
  const { dir, migrationsDir, tools, now = Date.now, log, watch = (ask) => ask } = options;
  const random = createPooledRandom();
  let inForce = options.settings;
  const settings = (): Settings => inForce;

  const url = `file:${join(dir, "core.db")}`;
  const store = await openStore({ url, migrationsDir, now, log });
  const vault = await openVault({ keysDir: join(dir, "keys"), random, now });
  const parts = createParts({ store, vault, settings, random, now, log });
  const host = await openHost({
    candidates: [],
    homeDir: dir,
    env: {},
    agentVersion: AGENT_VERSION,
    now,
    logFor: () => log,
    onRequest: () => Promise.reject(new Error("nobody asks")),
    onState: () => undefined,
  });
  const bus = openLocalBus();
  const { rowsForHeard, rowsForSent } = parts.chatLog;
  const channels = new Map([[webchatChannel.id, { ...webchatChannel, rowsForHeard, rowsForSent }]]);
  const deps = { ...parts, store, vault, settings, random, now, log };
  const pairing = openPairing({ ...deps, channels: () => channels, notify: () => undefined });
  const meter = createMeter({ onError: (name) => log.warn("metrics.unread", { name }) });
  const metrics = createCoreMetrics({ meter, tenantLabel: () => false, now });
  const work = openWork({
    ...deps,
    bus,
    host,
    causes: createCauses(),
    channels,
    builtInTools: tools,
    env: {},
    secretOf: () => undefined,
    metrics: { ...metrics, models: (ask) => metrics.models(watch(ask)) },
    admit: pairing.admit,
  });
  await work.recover();
  return {
    work,
    parts,
    store,
    bus,
    apply(next) {
      inForce = next;
      work.reload();
    },
    async say({ instance, contact, text, msgId }) {
      const say = { op: "say" as const, instance, contact, text, msg_id: msgId ?? null };
      return work.intake.receive(webchatMessage(settings(), say, now()));
    },
    async [Symbol.asyncDispose]() {
      pairing[Symbol.dispose]();
      await work[Symbol.asyncDispose]();
      await host[Symbol.asyncDispose]();
      await bus[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    },
  };
}
