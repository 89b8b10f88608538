/**
 * What no single value shows: names that must exist, names that must be free, parts that must fit.
 *
 * @module
 */
import { resolveSource, secretProblem } from "../contract/mod.ts";
import { RE2JS } from "re2js";
import { checkAgents } from "./agent_checks.ts";
import { type Checked, knownProviders, providerFix, type Report, reportTenant } from "./checks.ts";
import { PLUGINS } from "./files.ts";
import { checkMcp } from "./mcp_checks.ts";
import { checkOversight } from "./oversight_checks.ts";
import { checkPollers } from "./poller_checks.ts";
import type { Problem } from "./problems.ts";
import { instancesOf } from "./tenant.ts";
import type { Path } from "./yaml_file.ts";

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
  checkAgents(checked, report);
  checkTenants(checked, report);
  checkModels(checked, report);
  checkWebhooks(checked, report);
  checkBroker(checked, report);
  checkTranscripts(checked, report);
  checkPollers(checked, report);
  checkOversight(checked, report);
  checkMcp(checked, report);
  return problems;
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
  for (const channel of Object.keys(PLUGINS)) {
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
        providerFix(name, known),
      );
    });
  }
}

/** Providers that stand in for others must be there when they are needed. */
function checkModels({ settings, origins, secretOf }: Checked, report: Report): void {
  const { llm, tenants } = settings;
  const agentIds = new Set(origins.map(({ agent }) => agent.id));
  const check = (file: string, name: string, account: string | undefined, path: Path): void => {
    const known = knownProviders(settings, account);
    if (known.has(name)) return;
    const message = `provider "${name}" is not configured`;
    report("error", file, path, message, providerFix(name, known));
  };
  const scopes: [typeof llm.providers, string | undefined, Path][] = [
    [llm.providers, undefined, ["providers"]],
    ...Object.entries(llm.tenants).map(([id, { providers }]): [typeof providers, string, Path] => [
      providers,
      id,
      ["tenants", id, "providers"],
    ]),
  ];
  for (const [providers, account, base] of scopes) {
    for (const [name, { api_key: key, api_key_env: env, fallbacks }] of Object.entries(providers)) {
      if (env !== undefined && !key && !secretOf(env)) {
        const message = `provider "${name}": its key ${env} is not set, so it cannot be asked`;
        report("warning", "llm.yaml", [...base, name, "api_key_env"], message, setIt(env));
      }
      fallbacks.forEach((next, i) =>
        check("llm.yaml", next.provider, account, [...base, name, "fallbacks", i, "provider"])
      );
    }
  }
  for (const { id, budgets } of tenants.values()) {
    const path = ["tenants", id, "budgets"];
    if (budgets?.downgrade !== undefined) {
      check("tenants.yaml", budgets.downgrade.provider, id, [...path, "downgrade", "provider"]);
    }
    for (const agent of Object.keys(budgets?.agents ?? {})) {
      if (agentIds.has(agent)) continue;
      const message = `there is no agent "${agent}", so this budget never applies`;
      const fix = "Remove it, or add the agent";
      report("warning", "tenants.yaml", [...path, "agents", agent], message, fix);
    }
  }
}

function setIt(name: string): string {
  return `Set ${name} in the environment, or write it to $NEXO_HOME/secrets/${name}`;
}

const WEBHOOKS = "webhook_receiver.yaml";

function checkWebhooks({ settings, secretOf, isSecretToMake }: Checked, report: Report): void {
  const { webhooks } = settings;
  if (webhooks.bind !== undefined) {
    const fix = "Remove it; the edge listens on NEXO_PORT";
    report("warning", WEBHOOKS, ["bind"], "bind: ignored", fix);
  }
  if (!webhooks.enabled) return;
  webhooks.sources.forEach((raw, i) => {
    if (!raw.enabled) return;
    const source = resolveSource(raw);
    const { id, signature, handshake, secret_env: env, previous_secret_env: previous } = source;
    const at = (field: string): Path => ["sources", i, field];
    const problem = secretProblem(signature, env, secretOf(env) ?? "");
    if (isSecretToMake(env)) {
      const message =
        `source "${id}": secret "${env}" will be made by nexo dev; until there is one, it answers 503`;
      report("warning", WEBHOOKS, at("secret_env"), message, setIt(env));
    } else if (problem !== null) {
      const message = `source "${id}": ${problem}, so it answers 503`;
      report("error", WEBHOOKS, at("secret_env"), message, setIt(env), false);
    }
    if (
      previous !== null && secretProblem(signature, previous, secretOf(previous) ?? "") !== null
    ) {
      const message =
        `source "${id}": previous secret "${previous}" is not usable, so only the new one counts`;
      report("warning", WEBHOOKS, at("previous_secret_env"), message, setIt(previous));
    }
    const tokenEnv = handshake?.verify_token_env;
    if (tokenEnv !== undefined && !secretOf(tokenEnv)) {
      const message = `source "${id}": "${tokenEnv}" is not set, so its handshake is refused`;
      report("warning", WEBHOOKS, at("secret_env"), message, setIt(tokenEnv));
    }
    if (
      signature.signed.includes("{url}") && raw.public_url === undefined &&
      webhooks.public_url === undefined
    ) {
      const message =
        `source "${id}": signs its public address, which is taken from the Host header`;
      const fix =
        "Set public_url to the address the provider calls, such as https://hooks.example.com";
      report("warning", WEBHOOKS, at("path"), message, fix);
    }
  });
}

function checkBroker({ settings, env, place }: Checked, report: Report): void {
  const { broker, webhooks } = settings;
  const { auth, limits } = broker;
  const file = "broker.yaml";
  if (auth.enabled && !(auth.token ?? auth.user ?? auth.nkey_file ?? auth.creds_file)) {
    const fix = "Add token, user and password, nkey_file or creds_file, or set enabled: false";
    report("error", file, ["broker", "auth"], "broker.auth: enabled, but says nothing", fix);
  }
  if (broker.type === "nats" && broker.url === undefined && !env["NEXO_NATS_URL"]) {
    const fix = "Add url, for example ws://nats:8443, or set NEXO_NATS_URL";
    report("error", file, ["broker", "type"], "broker.url: is required for type nats", fix);
  }
  if (broker.type === "nats" || env["NEXO_NATS_URL"]) {
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
    const limit = place(file, ["broker", "limits", "max_payload"]);
    const message =
      `body cap of ${cap} bytes does not fit the broker's ${limits.max_payload_bytes} ` +
      `at ${file}:${limit.line}, less ${BROKER_OVERHEAD_BYTES} for what surrounds it`;
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
