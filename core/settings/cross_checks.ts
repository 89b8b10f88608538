/**
 * What no single value shows: names that must exist, names that must be free, parts that must fit.
 *
 * @module
 */
import {
  type AgentConfig,
  bindingId,
  DEFAULT_ACCOUNT,
  OFFLINE_PROVIDER,
  resolveSource,
} from "../contract/mod.ts";
import { RE2JS } from "re2js";
import { BUILT_CHANNELS } from "./files.ts";
import { closest, type Problem } from "./problems.ts";
import type { Settings } from "./settings.ts";
import { instancesOf, tenantOf } from "./tenant.ts";
import type { Path, Place } from "./yaml_file.ts";

/** Who has an agent: the file and the index in it. */
export interface AgentOrigin {
  readonly file: string;
  readonly index: number;
  readonly agent: AgentConfig;
}

/** What the checks look at. */
export interface Checked {
  readonly settings: Omit<Settings, "agents" | "version">;
  readonly origins: readonly AgentOrigin[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The secret a `secret_env` names; undefined when there is none. */
  readonly secretOf: (name: string) => string | undefined;
  /** Where a key stands; `file` is absolute or a name such as `llm.yaml`. */
  readonly place: (file: string, path: Path) => Place & { readonly file: string };
}

/** A webhook secret that is shorter is as good as none. */
const MIN_SECRET_BYTES = 8;

/** What headers and the hand-off frame may add to a body. */
const BROKER_OVERHEAD_BYTES = 64 * 1024;

/** Everything that does not fit together. */
export function crossCheck(checked: Checked): Problem[] {
  const problems: Problem[] = [];
  const report = (
    severity: Problem["severity"],
    file: string,
    path: Path,
    message: string,
    fix: string,
    blocking = severity === "error",
  ) => {
    problems.push({ severity, blocking, path, message, fix, ...checked.place(file, path) });
  };
  checkAgentIds(checked, report);
  for (const origin of checked.origins) {
    checkBindings(checked, origin, report);
    checkSubscribers(checked, origin, report);
    checkModels(checked, origin, report);
    checkDelegates(checked, origin, report);
  }
  checkTenants(checked, report);
  checkWebhooks(checked, report);
  checkBroker(checked, report);
  checkTranscripts(checked, report);
  return problems;
}

type Report = (
  severity: Problem["severity"],
  file: string,
  path: Path,
  message: string,
  fix: string,
  blocking?: boolean,
) => void;

/** Calls `taken` for each item whose key an earlier one has. */
function repeated<T>(
  items: readonly T[],
  keyOf: (item: T) => string,
  taken: (item: T, i: number, first: number) => void,
): void {
  const seen = new Map<string, number>();
  items.forEach((item, i) => {
    const first = seen.get(keyOf(item));
    if (first === undefined) seen.set(keyOf(item), i);
    else taken(item, i, first);
  });
}

function checkAgentIds({ origins, place }: Checked, report: Report): void {
  repeated(origins, ({ agent }) => agent.id, ({ file, index, agent }, _, first) => {
    const other = origins[first];
    if (other === undefined) return;
    const at = place(other.file, ["agents", other.index, "id"]);
    report(
      "error",
      file,
      ["agents", index, "id"],
      `agent "${agent.id}" is already declared in ${at.file}:${at.line}`,
      "Rename one of the two, or remove it",
    );
  });
}

function checkBindings({ settings }: Checked, { file, index, agent }: AgentOrigin, report: Report) {
  const base = ["agents", index, "inbound_bindings"] as const;
  const idOf = ({ plugin, instance }: AgentConfig["inbound_bindings"][number]) =>
    bindingId(plugin, instance ?? null);
  repeated(agent.inbound_bindings, idOf, (binding, i, first) => {
    const message = `agents[${index}].inbound_bindings[${i}]: repeats "${
      idOf(binding)
    }" of [${first}]`;
    report("error", file, [...base, i], message, "Keep one of the two");
  });
  agent.inbound_bindings.forEach(({ plugin, instance }, i) => {
    const path = [...base, i, "plugin"];
    if (plugin === "event") {
      if (agent.event_subscribers.some(({ id }) => id === instance)) return;
      const message = `binding "${bindingId(plugin, instance ?? null)}" has no event subscriber`;
      report("warning", file, path, message, "Give it the id of a subscriber as instance");
    } else if (CHANNELS.has(plugin) && !BUILT_CHANNELS.includes(plugin)) {
      const message = `channel "${plugin}" is not used by this version`;
      report("warning", file, path, message, "Remove the binding, or leave it for later");
    } else if (
      instance !== undefined && tenantOf(settings, agent, plugin, instance) === undefined
    ) {
      const message = `nothing says which tenant "${plugin}:${instance}" belongs to`;
      report("warning", file, path, message, NO_TENANT_FIX(plugin, instance));
    }
  });
  const bound = new Set([
    ...agent.inbound_bindings.map(idOf),
    ...agent.event_subscribers.map(({ id }) => bindingId("event", id)),
  ]);
  for (const id of Object.keys(agent.tool_rate_limits?.bindings ?? {})) {
    if (bound.has(id)) continue;
    const meant = closest(id, bound);
    report(
      "warning",
      file,
      ["agents", index, "tool_rate_limits", id],
      `agent "${agent.id}" has no binding "${id}", so these limits never apply`,
      meant === undefined ? "Add the binding, or remove the limits" : `Did you mean "${meant}"?`,
    );
  }
}

const CHANNELS = new Set(["webchat", "telegram", "whatsapp", "email"]);
const NO_TENANT_FIX = (channel: string, instance: string) =>
  `Declare tenant "${instance}", give the agent a tenant_id, or set account_id in plugins/${channel}.yaml`;

function checkSubscribers(
  { settings }: Checked,
  { file, index, agent }: AgentOrigin,
  report: Report,
): void {
  const base = ["agents", index, "event_subscribers"] as const;
  repeated(agent.event_subscribers, ({ id }) => id, ({ id }, i, first) => {
    const message = `subscriber "${id}" is already declared as event_subscribers[${first}]`;
    report("error", file, [...base, i, "id"], message, "Rename one of the two");
  });
  agent.event_subscribers.forEach(({ account_id: account }, i) => {
    if (account === undefined || account.includes("{{")) return;
    reportTenant(settings, account, file, [...base, i, "account_id"], report);
  });
}

function reportTenant(
  { tenants, singleTenant }: Checked["settings"],
  account: string | undefined,
  file: string,
  path: Path,
  report: Report,
  severity: Problem["severity"] = "error",
): void {
  if (account === undefined || tenants.has(account)) return;
  const meant = singleTenant ? undefined : closest(account, tenants.keys());
  const fix = meant !== undefined
    ? `Did you mean "${meant}"?`
    : `Declare it in tenants.yaml${
      singleTenant ? `, or remove it to use "${DEFAULT_ACCOUNT}"` : ""
    }`;
  report(severity, file, path, `tenant "${account}" is not declared`, fix);
}

function checkTenants({ settings, origins }: Checked, report: Report): void {
  const { webhooks, extensions, llm, transcripts, plugins, tenants } = settings;
  for (const { file, index, agent } of origins) {
    reportTenant(settings, agent.tenant_id, file, ["agents", index, "tenant_id"], report);
  }
  webhooks.sources.forEach(({ account_id: account }, i) =>
    reportTenant(settings, account, WEBHOOKS, ["sources", i, "account_id"], report)
  );
  for (const [id, entry] of Object.entries(extensions.entries)) {
    const base = ["extensions", "entries", id];
    reportTenant(settings, entry.tenant_id, "extensions.yaml", [...base, "tenant_id"], report);
    entry.capabilities_grant.forEach((grant, i) =>
      grant.tenants?.forEach((account, j) => {
        const path = [...base, "capabilities_grant", i, "tenants", j];
        reportTenant(settings, account, "extensions.yaml", path, report);
      })
    );
  }
  for (const channel of CHANNELS) {
    instancesOf(plugins, channel).forEach(({ account_id: account }, i) => {
      const list = channel === "webchat" ? ["instances"] : channel === "email" ? ["accounts"] : [];
      const path = [channel, ...list, i, "account_id"];
      reportTenant(settings, account, `plugins/${channel}.yaml`, path, report);
    });
  }
  for (const account of Object.keys(llm.tenants)) {
    reportTenant(settings, account, "llm.yaml", ["tenants", account], report, "warning");
  }
  for (const account of Object.keys(transcripts.tenants)) {
    const path = ["tenants", account];
    reportTenant(settings, account, "transcripts.yaml", path, report, "warning");
  }
  for (const tenant of tenants.values()) {
    tenant.llm_provider_refs.forEach((name, i) => {
      const known = knownProviders(settings, tenant.id);
      if (known.has(name)) return;
      const path = ["tenants", tenant.id, "llm_provider_refs", i];
      report(
        "error",
        "tenants.yaml",
        path,
        `provider "${name}" is not configured`,
        fixOf(name, known),
      );
    });
  }
}

const WEBHOOKS = "webhook_receiver.yaml";

/** Providers an agent may name: of its tenant, or of any tenant when it has none. */
function knownProviders({ llm }: Checked["settings"], account: string | undefined): Set<string> {
  const own = account === undefined
    ? Object.values(llm.tenants)
    : [llm.tenants[account]].filter((tenant) => tenant !== undefined);
  return new Set([
    OFFLINE_PROVIDER,
    ...Object.keys(llm.providers),
    ...own.flatMap(({ providers }) => Object.keys(providers)),
  ]);
}

function fixOf(name: string, known: ReadonlySet<string>): string {
  const meant = closest(name, known);
  return meant === undefined
    ? `Add "${name}" to providers in llm.yaml, or use ${[...known].join(" or ")}`
    : `Did you mean "${meant}"?`;
}

function checkModels({ settings }: Checked, { file, index, agent }: AgentOrigin, report: Report) {
  const known = knownProviders(settings, agent.tenant_id);
  const check = (name: string | undefined, path: Path) => {
    if (name === undefined || known.has(name)) return;
    report("error", file, path, `provider "${name}" is not configured`, fixOf(name, known));
  };
  check(agent.model.provider, ["agents", index, "model", "provider"]);
  agent.inbound_bindings.forEach(({ model }, i) =>
    check(model?.provider, ["agents", index, "inbound_bindings", i, "model", "provider"])
  );
}

function checkDelegates({ origins }: Checked, { file, index, agent }: AgentOrigin, report: Report) {
  const ids = new Set(origins.map((origin) => origin.agent.id));
  for (const key of ["allowed_delegates", "accept_delegates_from"] as const) {
    agent[key].forEach((name, i) => {
      if (name.includes("*") || ids.has(name)) return;
      const meant = closest(name, ids);
      const fix = meant === undefined ? "Remove it, or add the agent" : `Did you mean "${meant}"?`;
      report("warning", file, ["agents", index, key, i], `there is no agent "${name}"`, fix);
    });
  }
}

function checkWebhooks({ settings, secretOf }: Checked, report: Report): void {
  const { webhooks } = settings;
  if (webhooks.bind !== undefined) {
    const fix = "Remove it; the edge listens on NEXO_PORT";
    report("warning", WEBHOOKS, ["bind"], "bind: ignored", fix);
  }
  if (!webhooks.enabled) return;
  webhooks.sources.forEach((raw, i) => {
    if (!raw.enabled) return;
    const source = resolveSource(raw);
    const secret = secretOf(source.secret_env);
    if (secret !== undefined && Buffer.byteLength(secret) >= MIN_SECRET_BYTES) return;
    const state = secret === undefined ? "is not set" : `is shorter than ${MIN_SECRET_BYTES} bytes`;
    report(
      "error",
      WEBHOOKS,
      ["sources", i, "secret_env"],
      `source "${source.id}": secret "${source.secret_env}" ${state}, so it answers 503`,
      `Set ${source.secret_env} in the environment, or write it to a file of that name in a secrets directory`,
      false,
    );
  });
}

function checkBroker({ settings, env }: Checked, report: Report): void {
  const { broker, webhooks } = settings;
  const { auth, limits } = broker;
  const file = "broker.yaml";
  if (auth.enabled && !(auth.token ?? auth.user ?? auth.nkey_file ?? auth.creds_file)) {
    const fix = "Add token, user and password, nkey_file or creds_file, or set enabled: false";
    report("error", file, ["broker", "auth"], "broker.auth: enabled, but says nothing", fix);
  }
  if (broker.type === "nats") {
    if (broker.url === undefined && !env["NEXO_NATS_URL"]) {
      const fix = "Add url, for example ws://nats:8443, or set NEXO_NATS_URL";
      report("error", file, ["broker", "type"], "broker.url: is required for type nats", fix);
    }
    if (broker.jetstream !== "off" && !env["NEXO_EDGE_KEY"]) {
      const message = "events lie unsealed in JetStream: NEXO_EDGE_KEY is not set";
      const fix = "Set NEXO_EDGE_KEY for core and edges, or jetstream: off";
      report("warning", file, ["broker", "type"], message, fix);
    }
  }
  const most = limits.max_payload_bytes - BROKER_OVERHEAD_BYTES;
  const caps: [number | null | undefined, Path][] = [
    [webhooks.body_cap_bytes, ["body_cap_bytes"]],
    ...webhooks.sources.map(({ body_cap_bytes: cap }, i): [number | null | undefined, Path] => [
      cap,
      ["sources", i, "body_cap_bytes"],
    ]),
  ];
  for (const [cap, path] of caps) {
    if (cap === null || cap === undefined || cap <= most) continue;
    const message =
      `body cap of ${cap} bytes does not fit the broker's ${limits.max_payload_bytes}`;
    report("error", WEBHOOKS, path, message, `Write at most ${most}, or raise limits.max_payload`);
  }
}

function checkTranscripts({ settings }: Checked, report: Report): void {
  const { redaction, tenants } = settings.transcripts;
  const file = "transcripts.yaml";
  if (!redaction.enabled) {
    const message = "redaction is off: what people write is kept, searched and exported as it is";
    report("warning", file, ["redaction", "enabled"], message, "Set enabled: true");
  }
  const lists: [readonly { regex: string }[], Path][] = [
    [redaction.extra_patterns, ["redaction", "extra_patterns"]],
    ...Object.entries(tenants).map(([id, tenant]): [readonly { regex: string }[], Path] => [
      tenant.extra_patterns,
      ["tenants", id, "extra_patterns"],
    ]),
  ];
  for (const [patterns, path] of lists) {
    patterns.forEach(({ regex }, i) => {
      try {
        RE2JS.compile(regex);
      } catch (error) {
        const detail = error instanceof Error ? error.message : String(error);
        const fix = "Write RE2 syntax: no look-around, no back-references";
        report("error", file, [...path, i, "regex"], `cannot be compiled: ${detail}`, fix);
      }
    });
  }
}
