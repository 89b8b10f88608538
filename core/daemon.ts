/**
 * The wiring: opens every part in order, and closes them in reverse.
 *
 * @module
 */
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Dispatch } from "./admin/dispatcher.ts";
import { openExchangeClient } from "./bus/exchanges/client.ts";
import { parseEdgeKey } from "./bus/handoff_seal.ts";
import { EDGE_SEALED, sealBus } from "./bus/sealed_bus.ts";
import { openAttendants } from "./channels/attendants.ts";
import { channelHealth } from "./channels/health.ts";
import { openMcpInlet } from "./channels/mcp/inlet.ts";
import { messageOf } from "./contract/mod.ts";
import { openAdmin } from "./daemon/admin.ts";
import { openApps } from "./daemon/apps.ts";
import { openBus } from "./daemon/bus.ts";
import { openDaemonChannels } from "./daemon/channels.ts";
import { chatUrlOf, openChatNews } from "./daemon/chat.ts";
import { openDaemonSettings } from "./daemon/config.ts";
import { watchConfig } from "./daemon/config_watch.ts";
import { createEdgeConfig } from "./daemon/edge_config.ts";
import { openEdgeLink } from "./daemon/edge_link.ts";
import { forwardEvents } from "./daemon/event_feed.ts";
import { createExtensionDesk } from "./daemon/extension_desk.ts";
import { makeHome, publishBrokerToken, publishRunFile } from "./daemon/home.ts";
import { redactLog } from "./daemon/log.ts";
import { createMcpLink } from "./daemon/mcp_link.ts";
import { createCoreMetrics } from "./daemon/metrics.ts";
import { openMicroappReload } from "./daemon/microapp_reload.ts";
import { createCauses, openMicroapps } from "./daemon/microapps.ts";
import { createAgentNews, tellPairing } from "./daemon/notices.ts";
import type { DaemonOptions, DaemonReady } from "./daemon/options.ts";
import { openPairing } from "./daemon/pairing.ts";
import { createParts } from "./daemon/parts.ts";
import { createReadiness } from "./daemon/readiness.ts";
import { createLiveRedactor } from "./daemon/redaction.ts";
import { openEventRetention, openRecordRetention } from "./daemon/retention.ts";
import { createScheduleParts, wireSchedules } from "./daemon/schedules.ts";
import { createScrape } from "./daemon/scrape.ts";
import { openSignedHeads } from "./daemon/signed_heads.ts";
import { openSourceWatch } from "./daemon/source_watch.ts";
import { openTokenDesk } from "./daemon/tokens.ts";
import { createTranscriptDirs } from "./daemon/transcript_files.ts";
import { openWork } from "./daemon/work.ts";
import { serveEvents } from "./events/serve.ts";
import { aborted } from "./flow/aborted.ts";
import { createMeter } from "./flow/meter.ts";
import { openScope } from "./flow/scope.ts";
import { openTranscriptFiles } from "./record/transcript_files.ts";
import { openInstanceLock } from "./store/instance_lock.ts";
import { openStore } from "./store/open_store.ts";
import { openAuditKey } from "./vault/audit_key.ts";
import { openCredentials } from "./vault/credentials.ts";
import { openMicroappTokens } from "./vault/microapp_tokens.ts";
import { serveTickets } from "./vault/tickets.ts";
import { openVault } from "./vault/vault.ts";

/** How long a stop waits for turns and sends under way, in milliseconds. */
const DRAIN_MS = 20_000;

/**
 * Runs the daemon until `signal` aborts, then drains and closes every part.
 *
 * Everything that takes work in from outside comes last: first what is kept, then those who do the work,
 * then those who watch over it, then the doors. A part that needs one opened later is given a function
 * that asks for it.
 *
 * @throws {CodedError} `config_invalid`, `daemon_running`, `port_in_use`, `store_busy`
 */
export async function runDaemon(
  options: DaemonOptions,
  { signal, onReady }: { signal: AbortSignal; onReady: (ready: DaemonReady) => void },
): Promise<void> {
  const { home, env, random, now } = options;

  // Nothing is read or written before it is sure that no other daemon does.
  await makeHome(home);
  await using _lock = await openInstanceLock({ path: join(home.run, "lock.db"), pid: options.pid });
  const config = await openDaemonSettings(options);
  const settings = config.current;
  const redact = createLiveRedactor(settings);
  const log = redactLog(options.log, redact);
  const common = { env, settings, random, now, log };
  const meter = createMeter({
    onError: (name, error) => log.warn("metrics.unread", { name, error: messageOf(error) }),
  });
  const metrics = createCoreMetrics({ meter, tenantLabel: () => settings().tenantLabel, now });

  // What is kept: keys, the database, and files that follow it.
  const vault = await openVault({ ...common, keysDir: home.keys });
  const credentials = await openCredentials({
    ...common,
    dir: home.secrets,
    sealer: vault,
    onUnreadable: (path, reason) => log.warn("credential.unreadable", { path, reason }),
  });
  const storeUrl = `file:${join(home.state, "core.db")}`;
  await using store = await openStore({
    ...common,
    url: storeUrl,
    migrationsDir: options.migrationsDir,
    onFlushed: metrics.onFlushed,
  });
  const parts = createParts({ ...common, store, vault, redact });
  const kept = { ...common, ...parts, store, vault };
  using events = parts.events;
  metrics.follow(events);
  await using transcriptFiles = openTranscriptFiles({
    ...kept,
    dirs: createTranscriptDirs(settings),
  });
  const auditKey = await openAuditKey({ path: join(home.keys, "audit-signing.pem"), random });
  await using heads = await openSignedHeads({
    ...common,
    store,
    dir: join(home.keys, "audit"),
    key: auditKey,
  });

  // The way between core and its edges.
  await using carrier = await openBus({
    ...common,
    broker: settings().broker,
    brokerToken: await publishBrokerToken(home, vault.mac("broker", "token")),
  });
  const { bus } = carrier;
  const edgeKey = parseEdgeKey(env["NEXO_EDGE_KEY"]);
  const edgeBus = await sealBus(bus, { ...EDGE_SEALED, key: edgeKey, random, log });
  using chatNews = openChatNews({ bus, store, log });

  // Those who do the work. Microapps come first, since they take longest; turns wait for them.
  let dispatch: Dispatch = () => Promise.reject(new Error("the admin methods are not there yet"));
  const microappTokens = openMicroappTokens({ dir: join(home.secrets, "microapps"), random });
  const hopKey = (id: string): string => vault.mac("microapp-hop", id);
  await using inlet = openMcpInlet({
    ...kept,
    // What comes before the work is there fails, and is tried again.
    deliver: async (handoffs) => work.intake.deliver(handoffs),
  });
  await using host = await openMicroapps({
    ...kept,
    homeDir: home.root,
    dispatch: () => dispatch,
    servedBy: credentials.accountsOf,
    onState: parts.recordState,
    onChannelMessage: inlet.receive,
    httpIdentity: async (id, first) => ({
      token: await microappTokens.of(id, first),
      hopKey: hopKey(id),
    }),
  });
  const stopForwarding = forwardEvents({ ...common, events, host });
  const agentNews = createAgentNews({ host, settings });
  const causes = createCauses();
  const channels = openDaemonChannels({
    ...kept,
    credentials,
    tellTyping: chatNews.typing,
    deliver: (handoffs) => work.intake.deliver(handoffs),
    mcp: createMcpLink(() => host),
  });
  using pairing = openPairing({
    ...kept,
    channels: () => channels,
    notify: (account, status) => tellPairing(status, account, { host, settings }),
  });
  let wakeSchedules = (): void => {};
  const timed = createScheduleParts({ ...kept, onNew: () => wakeSchedules() });
  await using work = openWork({
    ...kept,
    admit: pairing.admit,
    bus,
    host,
    causes,
    channels,
    builtInTools: [timed.tool],
    metrics,
    secretOf: config.secretOf,
  });
  await work.recover();
  await using schedules = wireSchedules({ ...kept, reads: timed.reads, host, work });
  wakeSchedules = schedules.wake;

  // Those who watch over it: who may come in, how long things are kept, whether all is well.
  let publishConfig = (): void => {};
  const tokens = await openTokenDesk({ store, vault, now, onChange: () => publishConfig() });
  const verify = tokens.verifyForEvents;
  using _events = await serveEvents({ ...common, bus, store, events, verify });
  const tickets = serveTickets({ bus, verify, random, now });
  await using _recordRetention = openRecordRetention({
    ...kept,
    transcriptFiles,
    heads,
    onTrimmed: metrics.onRecordTrimmed,
  });
  await using _eventRetention = openEventRetention({
    ...common,
    store,
    onTrimmed: metrics.onTrimmed,
  });
  using sources = openSourceWatch({ ...common, store });
  const edgeConfig = createEdgeConfig({ config, channels, tokens });
  const edges = await openEdgeLink({ ...common, bus, config: edgeConfig, key: edgeKey });
  const { lastFlush } = metrics;
  const watched = { store, bus, host, config };
  const readiness = createReadiness({ ...watched, stateDir: home.state, lastFlush, now });
  const { waiting } = work.conversations;
  const scrape = createScrape({ ...watched, meter, waiting });
  await using microapps = openMicroappReload({
    ...common,
    host,
    homeDir: home.root,
    followCode: options.followCode,
    onTaken: agentNews.changed,
  });
  const { refresh } = microapps;
  const { change } = config;
  const extensions = createExtensionDesk({ ...common, host, homeDir: home.root, change, refresh });
  await using attendants = openAttendants({
    ...common,
    channels,
    credentialOf: (channel, instance) => credentials.open({ channel, instance })?.payload,
  });

  // The doors: operators' first, so that whatever opens later can be asked about.
  let edgeUrl: string | undefined;
  await using admin = await openAdmin({
    ...options,
    ...kept,
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

  // From here on a new config reaches everybody who keeps something of the one before.
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
  onReady({
    adminUrl: admin.url,
    edgeUrl,
    chatUrl: chatUrlOf(edgeUrl, settings()),
    consoleUrl: await admin.consoleLink(),
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
