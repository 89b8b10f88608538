/**
 * What operators do with the running daemon itself, wired to its parts.
 *
 * @module
 */
import {
  operatorControlMethods,
  type SignedWebhook,
  type SignRequest,
} from "../admin/operator_control.ts";
import type { AdminMethod } from "../admin/method.ts";
import { CodedError, type EdgeConfig, type EdgeSource, type Readiness } from "../contract/mod.ts";
import type { Host } from "../microapps/host.ts";
import { sign } from "../signing/sign.ts";
import type { LiveSettings } from "./config.ts";
import type { EdgeLink } from "./edge_link.ts";
import type { DaemonOptions } from "./options.ts";
import type { TokenDesk } from "./tokens.ts";
import type { Work } from "./work.ts";

/** What they look at or act on. */
export interface ControlDeps extends Pick<DaemonOptions, "version" | "pid" | "now"> {
  readonly config: Pick<LiveSettings, "current" | "reload" | "warnings">;
  readonly edgeConfig: () => EdgeConfig;
  readonly edgeUrl: () => string | undefined;
  readonly edges: Pick<EdgeLink, "snapshot">;
  readonly host: Pick<Host, "restart" | "status">;
  readonly readiness: () => Promise<Readiness>;
  readonly tokens: Pick<TokenDesk, "create" | "revoke" | "rotateKey">;
  readonly uuid: () => string;
  readonly work: { readonly chat: Work["chat"] } & {
    readonly conversations: Pick<Work["conversations"], "waiting">;
  };
}

/** Returns the methods. */
export function controlMethods(deps: ControlDeps): AdminMethod[] {
  const { config, host, tokens, work } = deps;
  return operatorControlMethods({
    status: () => statusOf(deps),
    chat: work.chat,
    describeSource: (id) => {
      const source = sourceNamed(deps, id);
      const { preset, disabled_reason } = source;
      return { id, preset, url: addressOf(deps, source), disabled_reason };
    },
    signWebhook: (request) => signWebhook(deps, request),
    microapps: () => host.status(),
    restartMicroapp: (id) => host.restart(id),
    async reload() {
      const { version } = await config.reload();
      return { version, warnings: config.warnings() };
    },
    async createToken({ subject, scope, account, ttlMs }) {
      if (account !== undefined && !config.current().tenants.has(account)) {
        const message = `Cannot create a token for tenant "${account}": there is none of that name`;
        throw new CodedError("not_found", message);
      }
      return tokens.create({ subject, scope, accountId: account, ttlMs });
    },
    revokeToken: tokens.revoke,
    rotateTokenKey: tokens.rotateKey,
    edgeSnapshot: deps.edges.snapshot,
  });
}

function sourceNamed({ edgeConfig }: ControlDeps, id: string): EdgeSource {
  const { sources } = edgeConfig();
  const source = sources.find((one) => one.id === id);
  if (source !== undefined) return source;
  const known = sources.map((one) => one.id).join(", ");
  throw new CodedError("not_found", `There is no source "${id}"; there are: ${known || "none"}`);
}

/** Where a source is, for whoever is on this machine. */
function addressOf({ edgeUrl }: ControlDeps, { path }: EdgeSource): string {
  return `${edgeUrl() ?? "http://127.0.0.1:8787"}${path}`;
}

async function signWebhook(
  deps: ControlDeps,
  { source: id, body, eventKind, id: deliveryId, contentType }: SignRequest,
): Promise<SignedWebhook> {
  const source = sourceNamed(deps, id);
  const url = addressOf(deps, source);
  const { headers, query } = await sign(source, {
    body: new Uint8Array(body),
    nowMs: deps.now(),
    id: deliveryId ?? deps.uuid(),
    contentType,
    url,
  });
  const { event_kind_from: from } = source;
  if (from.kind === "header" && eventKind !== undefined) headers[from.name] = eventKind;
  return { url: url + query, headers };
}

async function statusOf(deps: ControlDeps) {
  const { ready, parts } = await deps.readiness();
  return {
    version: deps.version,
    pid: deps.pid,
    config_version: deps.config.current().version,
    edge_url: deps.edgeUrl() ?? null,
    waiting: deps.work.conversations.waiting(),
    ready,
    problems: parts.flatMap(({ part, state, reason }) =>
      state === "ready" ? [] : [`${part} is ${state}: ${reason ?? ""}`]
    ),
  };
}
