/**
 * Everything nexo's files may hold is read; what we do not use yet says so.
 *
 * @module
 */
import { describe, expect, it } from "vitest";
import { UNUSED_AGENT_KEYS, UNUSED_BINDING_KEYS } from "../../../../core/contract/config/agents.ts";
import { configDir } from "./config_dir.ts";

const opaque = (keys: readonly string[], indent: string) =>
  keys.map((key) => `${indent}${key}: { enabled: true, list: [1, two, { three: null }] }\n`).join(
    "",
  );

const AGENTS = `schema_version: 11
agents:
  - id: ana
    tenant_id: acme
    active: true
    description: Sells
    model: { provider: anthropic, model: some-model }
    system_prompt: |
      You are Ana.
    language: español
    allowed_tools: [memory_*, "*"]
    skills: [weather]
    skills_dir: ./skills
    skill_overrides: { weather: warn }
    transcripts_dir: ./transcripts
    sender_rate_limit: { rps: 0.5 }
    tool_rate_limits:
      patterns:
        memory_*: { rps: 2.0, burst: 4, essential_deny_on_miss: true }
        _default: { rps: 10 }
    outbound_allowlist: { whatsapp: ["+57300"], telegram: [123456] }
    allowed_delegates: [ana_*]
    accept_delegates_from: ["*"]
    heartbeat: { enabled: true, interval: 5m }
    extensions_config: { notes: { folder: inbox } }
    config: { debounce_ms: 2000, queue_cap: 32 }
${opaque(UNUSED_AGENT_KEYS, "    ")}    event_subscribers:
      - id: hub
        subject_pattern: webhook.hub.>
        synthesize_inbound: tick
        inbound_template: null
        max_concurrency: 4
        max_buffer: 64
        overflow_policy: drop-newest
        inbound_kind: internal_system
    inbound_bindings:
      - plugin: webchat
      - plugin: webchat
        instance: acme
        allowed_tools: []
        outbound_allowlist: { telegram: [1] }
        skills: []
        model: { provider: anthropic, model: other }
        system_prompt_extra: Be brief.
        sender_rate_limit: disable
        allowed_delegates: []
        language: en
        tool_rate_limits: { patterns: { "*": { rps: 1 } } }
${opaque(UNUSED_BINDING_KEYS, "        ")}`;

const FILES = {
  "agents.yaml": AGENTS,
  "tenants.yaml":
    "tenants:\n  acme: { display_name: Acme, active: true, created_at: '2025-01-01T00:00:00Z', llm_provider_refs: [anthropic], metadata: { a: [1] } }\n",
  "llm.yaml": `
providers:
  anthropic:
    api_key: \${KEY:-}
    group_id: \${GROUP:-}
    base_url: https://api.anthropic.com
    auth: { mode: auto, bundle: ./secrets/bundle.json }
    rate_limit: { requests_per_second: 2.0, quota_alert_threshold: 10000 }
    api_flavor: anthropic_messages
    embedding_model: e
    safety_settings: [{ category: c, threshold: t }]
retry: { max_attempts: 5, initial_backoff_ms: 1000, max_backoff_ms: 60000, backoff_multiplier: 2.0 }
context_optimization: { compaction: { enabled: false } }
tenants: { acme: { providers: { anthropic: { api_key: k } } } }
`,
  "extensions.yaml": `
extensions:
  enabled: true
  search_paths: [./extensions]
  disabled: [template-rust]
  allowlist: []
  ignore_dirs: [target, .git, node_modules, dist, .build]
  max_depth: 3
  follow_links: false
  transport_defaults: { nats: { subject_prefix: ext, call_timeout: 30s } }
  watch: { enabled: false, debounce_ms: 500 }
  doctor: { stdio_timeout_ms: 5000, nats_timeout_ms: 5000, http_timeout_ms: 3000, concurrency: 4 }
  entries:
    agent-creator: { capabilities_grant: [agents_crud, made_up], allow_external_bind: false }
    ours: { enabled: true, config: { a: 1 }, timeout_secs: 5, path: ./x, sandbox: bwrap, tenant_id: acme, x_free: { b: 2 } }
`,
  "broker.yaml": `
broker:
  type: local
  url: nats://localhost:4222
  auth: { enabled: false, nkey_file: ./secrets/nats.nkey }
  persistence: { enabled: true, path: ./data/queue }
  limits: { max_payload: 4MB, max_pending: 10000 }
  fallback: { mode: local_queue, drain_on_reconnect: true }
`,
  "transcripts.yaml": `
fts: { enabled: true, db_path: ./data/transcripts.db }
redaction: { enabled: true, use_builtins: true, extra_patterns: [{ regex: 'a\\d', label: a }] }
`,
  "plugins/telegram.yaml": `
telegram:
- instance: kate_bot
  token: t
  polling: { enabled: true, interval_ms: 1000 }
  allow_agents: [kate]
  allowlist: { chat_ids: [1] }
`,
  "plugins/whatsapp.yaml": `
whatsapp:
  enabled: true
  session_dir: ./data/wa
  media_dir: ./data/media
  acl: { allow_list: [], from_env: WA_AGENT_ALLOW }
  behavior: { ignore_chat_meta: true, ignore_from_me: true, ignore_groups: false }
  rate_limit: { global_per_sec: 2.0, per_jid_per_sec: 1.0, burst: 5 }
  bridge: { response_timeout_ms: 30000, on_timeout: noop, apology_text: Sorry }
  transcriber: { enabled: false, skill: whisper, timeout_ms: 30000 }
  daemon: { prefer_existing: true }
  public_tunnel: { enabled: false, only_until_paired: true }
`,
  "plugins/email.yaml": `
email:
  enabled: true
  max_body_bytes: 32768
  attachments_dir: data/email-attachments
  outbound_queue_dir: data/email-outbound
  poll_fallback_seconds: 60
  idle_reissue_minutes: 28
  spf_dkim_warn: true
  loop_prevention: { auto_submitted: true, list_headers: true, self_from: true }
  accounts:
    - instance: ops
      address: ops@example.com
      provider: custom
      imap: { host: imap.example.com, port: 993, tls: implicit_tls }
      smtp: { host: smtp.example.com, port: 587, tls: starttls }
      folders: { inbox: INBOX, sent: Sent, archive: Archive }
      filters: { from_allowlist: [], from_denylist: [] }
`,
  "memory.yaml": "short_term: {}",
  "pollers.yaml": `
pollers:
  enabled: true
  state_db: ./data/poller.db
  default_jitter_ms: 5000
  lease_ttl_factor: 2.0
  failure_alert_cooldown_secs: 3600
  breaker_threshold: 5
  jobs:
    - id: kate_daily_summary
      kind: agent_turn
      agent: ana
      schedule: { cron: "0 0 8 * * *", tz: America/Bogota, stagger_jitter_ms: 0 }
      config:
        llm: { provider: anthropic, model: m }
        system_prompt: You are Kate.
        user_prompt: Summarise unanswered emails.
        deliver: { channel: telegram, recipient: "-100" }
        language: en
      failure_to: { channel: telegram, to: "-100" }
      paused_on_boot: false
    - id: feed
      kind: rss
      agent: ana
      schedule: { every_secs: 600 }
      config: { url: "https://example.com/feed" }
`,
};

describe("a nexo config directory", () => {
  it("loads whole, with a warning for each key that changes nothing", async () => {
    await using config = await configDir(FILES);
    const { settings, problems } = await config.load();
    expect(problems.filter(({ severity }) => severity === "error")).toEqual([]);
    expect(settings).toBeDefined();
    const warned = problems.filter(({ message }) => message.endsWith("not used by this version"))
      .map(({ path }) => path.join("."));
    expect(warned).toEqual(expect.arrayContaining([
      ...UNUSED_AGENT_KEYS.map((key) => `agents.0.${key}`),
      ...UNUSED_BINDING_KEYS.map((key) => `agents.0.inbound_bindings.1.${key}`),
      "agents.0.event_subscribers.0.max_buffer",
      "agents.0.event_subscribers.0.overflow_policy",
      "providers.anthropic.safety_settings",
      "context_optimization",
      "extensions.transport_defaults",
      "broker.persistence",
      "broker.fallback",
      "fts.db_path",
    ]));
    expect(problems).toHaveLength(warned.length);
    expect(settings?.agents.get("ana")).toMatchObject({
      heartbeat: { enabled: true, interval_ms: 300_000 },
      sender_rate_limit: { rps: 0.5, burst: 5 },
      outbound_allowlist: { whatsapp: ["+57300"], telegram: ["123456"] },
    });
    expect(settings?.broker.limits.max_payload_bytes).toBe(4 * 1024 * 1024);
  });
});
