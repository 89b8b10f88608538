/**
 * The admin methods over everything that runs, and the two ways to reach them.
 *
 * @module
 */
import { doctorMethods } from "../admin/doctor.ts";
import { createDispatcher, type Dispatch } from "../admin/dispatcher.ts";
import { openAdminHttp } from "../admin/http.ts";
import { operatorAuditMethods } from "../admin/operator_audit.ts";
import { operatorConsoleMethods } from "../admin/operator_console.ts";
import { operatorConversationMethods } from "../admin/operator_conversations.ts";
import { operatorOverviewMethods } from "../admin/operator_overview.ts";
import { operatorRecordMethods } from "../admin/operator_record.ts";
import { operatorSecretMethods } from "../admin/operator_secrets.ts";
import { operatorExtensionMethods } from "../admin/operator_extensions.ts";
import { operatorScheduleMethods } from "../admin/operator_schedules.ts";
import { operatorTranscriptMethods } from "../admin/operator_transcripts.ts";
import { operatorUsageMethods } from "../admin/operator_usage.ts";
import { answerRpc } from "../admin/rpc_body.ts";
import type { Bus } from "../bus/bus.ts";
import type { Channels } from "../channels/ingress.ts";
import {
  amountOf,
  CodedError,
  type Readiness,
  subjects,
  switchedOffBy,
  TOGGLES,
} from "../contract/mod.ts";
import { tenantOfScope } from "../oversight/resolve_scope.ts";
import type { EventLog } from "../events/event_log.ts";
import { createReplay } from "../intake/replay.ts";
import type { SourceHealth } from "../intake/source_health.ts";
import type { Host } from "../microapps/host.ts";
import { readUsage } from "../models/budget/usage.ts";
import { readWrittenSecrets } from "../settings/written_secrets.ts";
import { listSessions } from "../record/sessions.ts";
import { checkTranscripts, transcribedAccounts } from "../record/transcript_check.ts";
import { insert, type Store } from "../store/store.ts";
import type { AuditKey } from "../vault/audit_key.ts";
import type { TicketDesk } from "../vault/tickets.ts";
import type { Vault } from "../vault/vault.ts";
import { probeProvider } from "../models/probe.ts";
import type { TranscriptFiles } from "../record/transcript_files.ts";
import { createAuditReads } from "./audit.ts";
import { type AdminMethodDeps, createAdminMethods } from "./admin_methods.ts";
import type { LiveSettings } from "./config.ts";
import { type ControlDeps, controlMethods } from "./control.ts";
import { doctorChecks, type DoctorDeps } from "./doctor.ts";
import type { ExtensionDesk } from "./extension_desk.ts";
import type { DaemonOptions } from "./options.ts";
import type { Parts } from "./parts.ts";
import { createConsoleLink } from "./console_link.ts";
import { createEraser } from "./erasing.ts";
import { createAdminAudit, createOperatorReads } from "./record.ts";
import { createLines } from "./lines.ts";
import { createMicroappErasing } from "./microapp_erasing.ts";
import { createOverviews } from "./overviews.ts";
import { createStories } from "./stories.ts";
import type { SignedHeads } from "./signed_heads.ts";
import { toggleViews } from "./toggles.ts";
import type { TokenDesk } from "./tokens.ts";
import type { Work } from "./work.ts";

/** Everything the methods look at or act on. */
export interface AdminDeps
  extends
    Parts,
    ControlDeps,
    Omit<AdminMethodDeps, "createdAtMs" | "erase" | "probeModels">,
    Pick<DaemonOptions, "version" | "pid" | "env" | "now" | "log"> {
  readonly store: Store;
  readonly vault: Vault;
  readonly events: EventLog;
  /** Where the database is. */
  readonly storeUrl: string;
  readonly heads: SignedHeads;
  readonly auditKey: AuditKey;
  readonly host: Host;
  readonly work: Work;
  readonly channels: Channels;
  readonly transcriptFiles: Pick<TranscriptFiles, "trim">;
  readonly tokens: TokenDesk;
  readonly tickets: TicketDesk;
  readonly config: LiveSettings;
  readonly sources: SourceHealth;
  readonly readiness: () => Promise<Readiness>;
  readonly channelHealth: DoctorDeps["channelHealth"];
  readonly scrape: () => Promise<string>;
  readonly extensions: Pick<ExtensionDesk, "list" | "apply">;
}

/** The admin methods, reachable. */
export interface Admin extends AsyncDisposable {
  /** Core's own loopback address. */
  readonly url: string;
  readonly dispatch: Dispatch;
  /** Answers what edges forward. */
  readonly serve: (bus: Bus) => void;
  /** Whether a request's bearer is an operator. */
  readonly authorize: (request: Request) => Promise<boolean>;
  /** A link that signs whoever started the daemon in to the console once. */
  readonly consoleLink: () => Promise<string | undefined>;
}

/** Opens the loopback address. */
export async function openAdmin(deps: AdminDeps): Promise<Admin> {
  const { vault, store, tokens, now, log } = deps;
  const dispatch = createDispatcher({
    methods: createMethods(deps),
    audit: createAdminAudit({
      store,
      mac: (text) => vault.mac("admin-args", text),
      uuid: deps.uuid,
      now,
    }),
    switchedOffBy: (name) => switchedOffBy(deps.env, name),
    isTenant: (account) => deps.config.current().tenants.has(account),
    tenantOfScope: (scope) =>
      tenantOfScope(scope, {
        settings: deps.config.current(),
        known: deps.work.oversight.pauses.all().map((pause) => pause.scope),
      }),
    now,
    log,
  });

  const bearerOf = (authorization: string | null | undefined): string | undefined =>
    /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];

  const http = await openAdminHttp({
    dispatch,
    operatorOf: tokens.operatorOf,
    readiness: deps.readiness,
    metrics: deps.scrape,
  });
  return {
    url: http.url,
    dispatch,
    serve(bus) {
      bus.respond(subjects.admin, {}, async ({ data, headers }) => {
        const token = bearerOf(headers["authorization"]);
        const caller = token === undefined ? undefined : await tokens.operatorOf(token);
        if (caller === undefined) {
          throw new CodedError("token_invalid", "Cannot call: an operator token is required");
        }
        const answer = await answerRpc(new TextDecoder().decode(data), caller, { dispatch });
        return new TextEncoder().encode(answer);
      });
    },
    async authorize(request) {
      const token = bearerOf(request.headers.get("authorization"));
      return token !== undefined && await tokens.operatorOf(token) !== undefined;
    },
    consoleLink: async () => (await createConsoleLink(deps)("local")).url ?? undefined,
    [Symbol.asyncDispose]: () => http[Symbol.asyncDispose](),
  };
}

function createMethods(deps: AdminDeps) {
  const { config, store, tokens, host, work, now } = deps;
  const verifiedBy = (sourceId: string): string | null =>
    deps.edgeConfig().sources.find(({ id }) => id === sourceId)?.signature.algorithm ?? null;
  const replay = createReplay({
    ...deps,
    deliver: work.intake.deliver,
    schedule: work.conversations.push,
    resend: async ({ account, id }) => {
      const found = await deps.outbox.find(account, id);
      if (found === undefined) return;
      const { session_id } = found;
      const nowMs = now();
      const row = { id, account_id: account, session_id, traceparent: null };
      work.delivery.push([{ ...row, next_at_ms: nowMs, created_at_ms: nowMs }]);
    },
  });
  const lines = createLines({ ...deps, settings: config.current });
  return [
    ...createAdminMethods({
      ...deps,
      createdAtMs: (account) => tenantCreatedAtMs(store, account, now()),
      erase: createEraser({
        ...deps,
        conversations: work.conversations,
        forgetPauses: work.oversight.forgetErased,
        forgetFiles: deps.transcriptFiles.trim,
        eraseInMicroapps: createMicroappErasing(deps),
      }),
      probeModels: (provider, account) =>
        probeProvider(provider, account, {
          settings: config.current(),
          secretOf: config.secretOf,
          now,
          timeoutMs: amountOf(deps.env, TOGGLES.probe_timeout_secs) * 1_000,
        }),
    }),
    ...operatorRecordMethods({
      ...deps,
      replay,
      ...createOperatorReads(deps),
      verifiedBy,
    }),
    ...operatorTranscriptMethods({
      ...deps,
      listSessions: (page) => listSessions(store, page),
      async checkTranscripts(account) {
        const accounts = account === undefined ? await transcribedAccounts(store) : [account];
        const check = { store, sealer: deps.vault };
        return inOrder(accounts, (each) => checkTranscripts(check, each));
      },
    }),
    ...operatorAuditMethods(createAuditReads({ ...deps, url: deps.storeUrl, key: deps.auditKey })),
    ...operatorConsoleMethods({
      ...createStories({
        ...deps,
        verifiedBy,
        settings: config.current,
        toolNames: (name) => host.tools().find((tool) => tool.name === name)?.ownName ?? name,
      }),
      consoleLink: createConsoleLink(deps),
      createToken: ({ subject, scope, ttlMs }) => tokens.create({ subject, scope, ttlMs }),
    }),
    ...operatorOverviewMethods({ ...createOverviews(deps), lines }),
    ...doctorMethods(doctorChecks(deps), {
      capabilities: () => toggleViews(deps.env, host.gates()),
    }),
    ...operatorConversationMethods({ ...deps, rowsForEvents: deps.rows.events }),
    ...operatorSecretMethods({
      credentials: deps.credentials,
      writtenSecrets: () => readWrittenSecrets(deps.secretsDir),
      rotateSealingKey: deps.vault.rotateSealingKey,
      now,
    }),
    ...operatorExtensionMethods({
      listMicroapps: deps.extensions.list,
      applyExtension: deps.extensions.apply,
    }),
    ...operatorScheduleMethods(deps.schedules),
    ...operatorUsageMethods({ readUsage: (query) => readUsage(store, query) }),
    ...controlMethods(deps),
  ];
}

/** One after another, so that the work of one is all that others wait for. */
async function inOrder<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** A tenant counts as created when it is first asked about. */
async function tenantCreatedAtMs(store: Store, account: string, nowMs: number): Promise<number> {
  const find = () =>
    store.read<{ created_at_ms: number }>(
      "SELECT created_at_ms FROM tenants WHERE account_id = ?",
      [account],
    );
  const [known] = await find();
  if (known !== undefined) return known.created_at_ms;
  await store.commit([
    insert("tenants", { account_id: account, created_at_ms: nowMs }, "ignore"),
  ]);
  return (await find())[0]?.created_at_ms ?? nowMs;
}
