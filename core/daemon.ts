/**
 * The wiring: opens every part in order, and closes them in reverse.
 *
 * @module
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { openAdmin } from "./daemon/admin.ts";
import { openCodeWatch } from "./daemon/code_watch.ts";
import { openApps } from "./daemon/apps.ts";
import { openBus } from "./daemon/bus.ts";
import { openEdgeLink } from "./daemon/edge_link.ts";
import { createExtensionDesk } from "./daemon/extension_desk.ts";
import { chatConfigOf, chatUrlOf, openChatNews } from "./daemon/chat.ts";
import { openDaemonChannels } from "./daemon/channels.ts";
import { openLiveSettings } from "./daemon/config.ts";
import { watchConfig } from "./daemon/config_watch.ts";
import { makeHome, publishBrokerToken, publishRunFile } from "./daemon/home.ts";
import { forwardEvents } from "./daemon/event_feed.ts";
import {
  createCauses,
  createMicroappReload,
  findMicroapps,
  openMicroapps,
} from "./daemon/microapps.ts";
import { createAgentNews, tellPairing } from "./daemon/notices.ts";
import { createCoreMetrics } from "./daemon/metrics.ts";
import type { DaemonOptions, DaemonReady } from "./daemon/options.ts";
import { openPairing } from "./daemon/pairing.ts";
import { createMcpLink } from "./daemon/mcp_link.ts";
import { createParts } from "./daemon/parts.ts";
import { redactLog } from "./daemon/log.ts";
import { createLiveRedactor } from "./daemon/redaction.ts";
import { createReadiness } from "./daemon/readiness.ts";
import { openRecordRetention } from "./daemon/retention.ts";
import { createScrape } from "./daemon/scrape.ts";
import { openSourceWatch } from "./daemon/source_watch.ts";
import { openTokenDesk } from "./daemon/tokens.ts";
import { makeMissingSecrets } from "./daemon/secrets.ts";
import { createScheduleParts, wireSchedules } from "./daemon/schedules.ts";
import { openSignedHeads } from "./daemon/signed_heads.ts";
import { createTranscriptDirs } from "./daemon/transcript_files.ts";
import { openWork } from "./daemon/work.ts";
import type { Dispatch } from "./admin/dispatcher.ts";
import { openAttendants } from "./channels/attendants.ts";
import { openMcpInlet } from "./channels/mcp/inlet.ts";
import { channelHealth } from "./channels/health.ts";
import { channelSources } from "./channels/sources.ts";
import { createUuids, messageOf, resolveSource, subjects } from "./contract/mod.ts";
import { openExchangeClient } from "./bus/exchanges/client.ts";
import { parseEdgeKey } from "./bus/handoff_seal.ts";
import { sealBus } from "./bus/sealed_bus.ts";
import { createMeter } from "./flow/meter.ts";
import { openScope } from "./flow/scope.ts";
import { openRetention } from "./events/retention.ts";
import { serveEvents } from "./events/serve.ts";
import { aborted } from "./flow/aborted.ts";
import { edgeConfigOf } from "./settings/edge_config.ts";
import { openTranscriptFiles } from "./record/transcript_files.ts";
import { openInstanceLock } from "./store/instance_lock.ts";
import { openStore } from "./store/open_store.ts";
import { openCredentials } from "./vault/credentials.ts";
import { serveTickets } from "./vault/tickets.ts";
import { openAuditKey } from "./vault/audit_key.ts";
import { openMicroappTokens } from "./vault/microapp_tokens.ts";
import { openVault } from "./vault/vault.ts";

/** How long a stop waits for turns and sends under way, in milliseconds. */
const DRAIN_MS = 20_000;

/**
 * Runs the daemon until `signal` aborts, then drains and closes every part.
 *
 * @throws {CodedError} `config_invalid`, `daemon_running`, `port_in_use`, `store_busy`
 */
export async function runDaemon(
  options: DaemonOptions,
  { signal, onReady }: { signal: AbortSignal; onReady: (ready: DaemonReady) => void },
): Promise<void> {
  const { home, now, random } = options;
  await makeHome(home);
  await using _lock = await openInstanceLock({ path: join(home.run, "lock.db"), pid: options.pid });
  const config = await openConfig(options);
  const settings = config.current;
  const redact = createLiveRedactor(settings);
  const log = redactLog(options.log, redact);

  const meter = createMeter({
    onError: (name, error) => log.warn("metrics.unread", { name, error: messageOf(error) }),
  });
  const metrics = createCoreMetrics({ meter, tenantLabel: () => settings().tenantLabel, now });
  const vault = await openVault({ keysDir: home.keys, random, now });
  const credentials = await openCredentials({
    dir: home.secrets,
    sealer: vault,
    random,
    now,
    onUnreadable: (path, reason) => log.warn("credential.unreadable", { path, reason }),
  });
  const storeUrl = `file:${join(home.state, "core.db")}`;
  await using store = await openStore({
    url: storeUrl,
    migrationsDir: options.migrationsDir,
    onFlushed: metrics.onFlushed,
    now,
    log,
  });
  const parts = createParts({ store, vault, settings, redact, random, now, log });
  using events = parts.events;
  await using transcriptFiles = openTranscriptFiles({
    ...parts,
    store,
    dirs: createTranscriptDirs(settings),
    log,
  });
  const auditKey = await openAuditKey({ path: join(home.keys, "audit-signing.pem"), random });
  await using heads = await openSignedHeads({
    store,
    dir: join(home.keys, "audit"),
    key: auditKey,
    now,
    log,
  });
  await using carrier = await openBus({
    broker: settings().broker,
    env: options.env,
    brokerToken: await publishBrokerToken(home, vault.mac("broker", "token")),
    now,
    log,
  });
  const { bus } = carrier;
  const edgeKey = parseEdgeKey(options.env["NEXO_EDGE_KEY"]);
  const edgeBus = await sealBus(bus, {
    key: edgeKey,
    requests: [subjects.chat, subjects.rejections],
    news: [subjects.presence],
    random,
    log,
  });

  let publishConfig = (): void => {};
  let dispatch: Dispatch = () => Promise.reject(new Error("the admin methods are not there yet"));
  const microappTokens = openMicroappTokens({ dir: join(home.secrets, "microapps"), random });
  const hopKey = (id: string): string => vault.mac("microapp-hop", id);
  await using inlet = openMcpInlet({
    settings,
    // What comes before the work is there fails, and is tried again.
    deliver: async (handoffs) => work.intake.deliver(handoffs),
    uuid: parts.uuid,
    now,
    log,
  });
  await using host = await openMicroapps({
    settings,
    onChannelMessage: inlet.receive,
    httpIdentity: async (id, first) => ({
      token: await microappTokens.of(id, first),
      hopKey: hopKey(id),
    }),
    homeDir: home.root,
    env: options.env,
    dispatch: () => dispatch,
    servedBy: credentials.accountsOf,
    onState: parts.recordState,
    redact: parts.redact,
    now,
    log,
  });
  using chatNews = openChatNews({ bus, store, log });
  const stopForwarding = forwardEvents({ events, host, settings, env: options.env });
  const agentNews = createAgentNews({ host, settings });
  metrics.follow(events);
  using sources = openSourceWatch({ store, settings, now, log });
  const causes = createCauses();
  const channels = openDaemonChannels({
    ...parts,
    store,
    vault,
    credentials,
    tellTyping: chatNews.typing,
    env: options.env,
    settings,
    deliver: (handoffs) => work.intake.deliver(handoffs),
    mcp: createMcpLink(() => host),
    now,
    log,
  });
  using pairing = openPairing({
    ...parts,
    store,
    vault,
    settings,
    channels: () => channels,
    notify: (account, status) => tellPairing(status, account, { host, settings }),
    random,
    now,
    log,
  });
  let wakeSchedules = (): void => {};
  const timed = createScheduleParts({ ...parts, store, vault, now, onNew: () => wakeSchedules() });
  await using work = openWork({
    ...parts,
    admit: pairing.admit,
    store,
    bus,
    host,
    causes,
    channels,
    builtInTools: [timed.tool],
    env: options.env,
    settings,
    metrics,
    secretOf: config.secretOf,
    now,
    random,
    log,
  });
  await work.recover();
  await using schedules = wireSchedules({
    ...parts,
    store,
    vault,
    reads: timed.reads,
    host,
    work,
    settings,
    now,
    log,
  });
  wakeSchedules = schedules.wake;

  const onChange = (): void => publishConfig();
  const tokens = await openTokenDesk({ store, vault, now, onChange });
  const verify = tokens.verifyForEvents;
  using _events = await serveEvents({ bus, store, events, verify, random, log });
  const tickets = serveTickets({ bus, verify, random, now });
  await using _recordRetention = openRecordRetention({
    store,
    transcripts: parts.transcripts,
    transcriptFiles,
    settings,
    env: options.env,
    heads,
    onTrimmed: metrics.onRecordTrimmed,
    now,
    log,
  });
  await using _retention = openRetention({
    store,
    onTrimmed: metrics.onTrimmed,
    keep() {
      const { retention_days: days, max_rows: rows } = settings().transcripts.events;
      return { days, rows };
    },
    now,
    log,
  });
  const edgeConfig = () => {
    const own = edgeConfigOf(settings().webhooks, config.secretOf, settings().version);
    return {
      ...own,
      sources: [...own.sources, ...channelSources(settings(), channels)],
      firehose: settings().broker.firehose,
      chat: chatConfigOf(settings()),
      tenant_label: settings().tenantLabel,
      auth: tokens.edgeAuth(),
    };
  };
  const edges = await openEdgeLink({
    bus,
    config: edgeConfig,
    key: edgeKey,
    random,
    now,
    log,
  });
  const readiness = createReadiness({
    store,
    bus,
    host,
    config,
    stateDir: home.state,
    lastFlush: metrics.lastFlush,
    now,
  });
  const { waiting } = work.conversations;
  const scrape = createScrape({ meter, store, bus, host, config, waiting });
  const microappsAt = { settings, homeDir: home.root, env: options.env, log };
  const reloadMicroapps = createMicroappReload({
    host,
    ...microappsAt,
    find: () => findMicroapps(microappsAt),
  });
  const refresh = () =>
    reloadMicroapps((found) => {
      agentNews.changed();
      code.follow(options.followCode ? found : []);
    });
  await using code = openCodeWatch({ host, refresh, log });
  const extensions = createExtensionDesk({ ...microappsAt, host, change: config.change, refresh });
  await using attendants = openAttendants({
    settings,
    channels,
    credentialOf: (channel, instance) => credentials.open({ channel, instance })?.payload,
    log,
  });
  let edgeUrl: string | undefined;
  await using admin = await openAdmin({
    ...options,
    ...parts,
    log,
    store,
    vault,
    events,
    storeUrl,
    heads,
    auditKey,
    host,
    work,
    schedules,
    tokens,
    tickets,
    config,
    readiness,
    scrape,
    causes,
    sources: sources.health,
    channels,
    channelHealth: () =>
      channelHealth({ settings: settings(), channels, attended: attendants.list() }),
    credentials,
    pairing,
    secretsDir: home.secrets,
    microappTokens,
    transcriptFiles,
    edgeConfig,
    edgeUrl: () => edgeUrl,
    edges,
    extensions,
  });
  dispatch = admin.dispatch;
  admin.serve(bus);
  work.serve(edgeBus, sources.deliver);
  sources.serve(edgeBus);
  chatNews.lookAll();

  const exchange = { bus, key: edgeKey, now, random, log };
  await using _apps = await openApps({ ...exchange, host, settings, tokens, hopKey, metrics });
  await using exchanges = await openExchangeClient(exchange);
  await using edge = await options.startEdge?.({
    bus: edgeBus,
    exchanges,
    config: edgeConfig(),
    log,
    visitorSecret: vault.mac("visitors", "cookie"),
    authorize: admin.authorize,
    readiness,
    metrics: scrape,
  });
  edgeUrl = edge?.url;
  await using reloads = openScope({
    onError: (error) => log.error("reload.failed", { error }),
  });
  edges.serve();
  publishConfig = () => {
    edge?.apply(edgeConfig());
    edges.push(reloads);
  };
  edges.push(reloads);
  attendants.apply();
  const { broker } = settings();
  config.onChange((next) => {
    parts.recordEvent({ kind: "config_applied", version: next.version, at_ms: now() });
    if (!isDeepStrictEqual(next.broker, broker)) {
      log.warn("config.waits_for_restart", { file: "broker.yaml" });
    }
    publishConfig();
    work.reload();
    reloads.run(() => schedules.align());
    attendants.apply();
    reloads.run(async () => void await refresh());
  });
  await schedules.start();
  await using _watch = await watchConfig(config, { log });
  if (options.followCode) reloads.run(async () => void await refresh());
  await using _run = await publishRunFile(home, {
    pid: options.pid,
    admin_url: admin.url,
    edge_url: edgeUrl ?? null,
    broker_url: carrier.brokerUrl ?? null,
    started_at_ms: now(),
  });
  const consoleUrl = await admin.consoleLink();
  onReady({
    adminUrl: admin.url,
    edgeUrl,
    chatUrl: chatUrlOf(edgeUrl, settings()),
    consoleUrl,
    brokerUrl: carrier.brokerUrl,
    warnings: config.warnings(),
  });
  await aborted(signal);

  log.info("daemon.stopping", {});
  // Ingress first, then what was accepted, then what answers it, then those who help it.
  await edge?.[Symbol.asyncDispose]();
  await schedules[Symbol.asyncDispose]();
  await attendants[Symbol.asyncDispose]();
  await inlet[Symbol.asyncDispose]();
  await work.drain(AbortSignal.timeout(DRAIN_MS));
  stopForwarding();
}

async function openConfig(options: DaemonOptions) {
  const { home, env, random } = options;
  const uuid = createUuids(options);
  const config = await openLiveSettings({ configDir: options.configDir, env, uuid });
  if (!options.makeSecrets) return config;
  const sources = config.current().webhooks.sources.map((source) => resolveSource(source));
  const made = await makeMissingSecrets(sources, {
    dir: home.secrets,
    isToMake: config.isSecretToMake,
    random,
  });
  for (const name of made) options.log.info("secret.made", { name });
  if (made.length > 0) await config.reload();
  return config;
}
