/**
 * The methods of the admin table over everything that runs; operators' own are beside it.
 *
 * @module
 */
import { join } from "node:path";
import { agentEventMethods } from "../admin/agent_events.ts";
import { agentMethods } from "../admin/agents.ts";
import { channelMethods } from "../admin/channels.ts";
import { credentialMethods } from "../admin/credentials.ts";
import { dispatchMethods } from "../admin/dispatch.ts";
import { llmProviderMethods } from "../admin/llm_providers.ts";
import type { AdminMethod } from "../admin/method.ts";
import { pairingMethods } from "../admin/pairing.ts";
import { pollerMethods } from "../admin/pollers.ts";
import { publishMethods } from "../admin/publish.ts";
import { secretMethods, type TokenRotation } from "../admin/secrets.ts";
import { skillMethods } from "../admin/skills.ts";
import { tenantRecordMethods } from "../admin/tenant_record.ts";
import { type Eraser, tenantMethods } from "../admin/tenants.ts";
import { apiRootOf, CHANNEL_CREDENTIALS } from "../channels/credentials/mod.ts";
import { sessionIdOf } from "../agents/session.ts";
import { MAX_HOPS, NOTICES } from "../contract/mod.ts";
import { OPERATOR_STREAM, rowsForEvents } from "../events/event_rows.ts";
import type { Channels } from "../channels/ingress.ts";
import type { Host } from "../microapps/host.ts";
import { readUsage } from "../models/budget/usage.ts";
import { tailAudit } from "../record/admin_audit.ts";
import { tailForAccount } from "../record/turns.ts";
import { MCP_CHANNEL } from "../settings/mcp_channels.ts";
import { writeSecret } from "../settings/written_secrets.ts";
import type { Store } from "../store/store.ts";
import type { Credentials } from "../vault/credentials.ts";
import type { MicroappTokens } from "../vault/microapp_tokens.ts";
import type { LiveSettings } from "./config.ts";
import type { Causes } from "./microapps.ts";
import type { DaemonOptions } from "./options.ts";
import type { PairingParts } from "./pairing.ts";
import { oversightMethods } from "./oversight_methods.ts";
import type { Parts } from "./parts.ts";
import type { WiredSchedules } from "./schedules.ts";
import type { Work } from "./work.ts";

/** How long a provider has to say whether a credential is good, in milliseconds. */
const CREDENTIAL_PROBE_MS = 5_000;

/** What the methods look at or act on. */
export interface AdminMethodDeps extends Parts, Pick<DaemonOptions, "env" | "now" | "log"> {
  readonly store: Store;
  readonly host: Pick<Host, "boundTo" | "notify" | "pollerOf" | "publishes"> & {
    readonly status: () => readonly { readonly id: string }[];
  };
  readonly work: {
    readonly delivery: Pick<Work["delivery"], "push">;
    readonly dispatchLimits: Work["dispatchLimits"];
    readonly intake: Pick<Work["intake"], "deliver">;
    readonly oversight: Work["oversight"];
  };
  readonly causes: Pick<Causes, "of">;
  readonly schedules: Pick<WiredSchedules, "align" | "control" | "reads">;
  readonly config: Pick<LiveSettings, "change" | "current" | "reload" | "secretOf">;
  readonly credentials: Credentials;
  readonly channels: Pick<Channels, "get">;
  readonly pairing: Pick<PairingParts, "challenges" | "pairing" | "people">;
  /** Where secrets are kept. */
  readonly secretsDir: string;
  readonly microappTokens: Pick<MicroappTokens, "rotate">;
  /** When a tenant was first seen. */
  readonly createdAtMs: (account: string) => Promise<number>;
  readonly erase: Eraser;
  /** Asks a model's provider whether it answers. */
  readonly probeModels: ProbeModels;
}

type ProbeModels = Parameters<typeof llmProviderMethods>[0]["probe"];

/** Returns the methods. */
export function createAdminMethods(deps: AdminMethodDeps): AdminMethod[] {
  const { config, store, host, work, env, now, uuid } = deps;
  const settings = config.current;
  const changeConfig = config.change;
  return [
    ...agentMethods({ settings, changeConfig, reload: config.reload, now }),
    ...tenantRecordMethods({
      tailTurns: (account, query) => tailForAccount(store, account, query),
      readUsage: (query) => readUsage(store, query),
      tailAudit: (query) => tailAudit(store, query),
    }),
    ...tenantMethods({
      settings,
      changeConfig,
      createdAtMs: deps.createdAtMs,
      erase: deps.erase,
      now,
    }),
    ...channelMethods({
      settings,
      changeConfig,
      troubleOf: async (server) => (await deps.channels.get(MCP_CHANNEL)?.ready?.(server))?.reason,
    }),
    ...credentialMethods({
      settings,
      changeConfig,
      reload: config.reload,
      credentials: deps.credentials,
      channels: CHANNEL_CREDENTIALS,
      probe: (channel, line, given) =>
        channel.probe(given, {
          fetch,
          apiRoot: apiRootOf(settings().plugins, line),
          timeoutMs: CREDENTIAL_PROBE_MS,
        }),
    }),
    ...pairingMethods({ settings, store, ...deps.pairing }),
    ...llmProviderMethods({
      settings,
      changeConfig,
      secretOf: config.secretOf,
      probe: deps.probeModels,
    }),
    ...skillMethods({ root: join(settings().configDir, "skills"), uuid }),
    ...agentEventMethods({
      ...deps,
      accountOfSession: (id) => deps.transcripts.accountOfSession(id),
    }),
    ...secretMethods({
      settings,
      reload: config.reload,
      writeSecret: (name, value) => writeSecret(deps.secretsDir, { name, value, nonce: uuid() }),
      inEnvironment: (name) => (env[name] ?? "") !== "",
      isMicroapp: (id) => host.status().some((microapp) => microapp.id === id),
      rotateToken: deps.microappTokens.rotate,
      async onRotated(rotation) {
        const { microappId, oldHash, token } = rotation;
        // One that is not running gets it when it starts.
        host.notify(microappId, NOTICES.token_rotated, { old_hash: oldHash, new: token });
        await store.commit(rowsForRotation(rotation, deps));
      },
      now,
    }),
    ...oversightMethods({ ...deps, settings, oversight: work.oversight }),
    ...pollerMethods({
      settings,
      changeConfig,
      ...deps.schedules,
      pollerOf: (kind, account) => host.pollerOf(kind, account),
      now,
    }),
    ...dispatchMethods({
      settings,
      store,
      outbox: deps.outbox,
      transcriptRows: deps.rows.transcript,
      sessionIdOf,
      canSend: (channel, kind) => deps.channels.get(channel)?.sends.has(kind) === true,
      boundTo: (id, channel) => host.boundTo(id, channel),
      registered: (id, line) => deps.credentials.find(line)?.registeredBy === id,
      deliver: (items) => work.delivery.push(items),
      limits: work.dispatchLimits,
      uuid,
      now,
    }),
    ...publishMethods({
      deliver: (handoffs) => work.intake.deliver(handoffs),
      holder: (source, key) => deps.inbox.holder(source, key),
      patternsOf: (id) => host.publishes(id),
      async hopsOf(id) {
        const hops = await Promise.all(deps.causes.of(id).map((cause) => deps.inbox.hops(cause)));
        return hops.length === 0 ? 0 : Math.min(Math.max(...hops) + 1, MAX_HOPS);
      },
      uuid,
      now,
    }),
  ];
}

function rowsForRotation(rotation: TokenRotation, { redact }: Pick<Parts, "redact">) {
  return rowsForEvents({
    account: OPERATOR_STREAM,
    events: [{
      kind: "security_event",
      security_kind: "token_rotated",
      microapp_id: rotation.microappId,
      at_ms: rotation.atMs,
      prev_hash: rotation.oldHash,
      new_hash: rotation.newHash,
      ...(rotation.reason === undefined ? {} : { reason: redact(rotation.reason) }),
    }],
  });
}
