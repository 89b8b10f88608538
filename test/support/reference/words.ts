/**
 * What only people can say of events and variables.
 *
 * @module
 */
import type { AgentEventKind } from "../../../core/contract/mod.ts";

/** When each kind is told. */
export const EVENT_SAYS: Readonly<Record<AgentEventKind, string>> = {
  transcript_appended: "Something was said in a conversation",
  pending_inbounds_dropped: "Messages that waited behind a pause were dropped, for want of room",
  escalation_requested: "An agent asks for a person",
  escalation_resolved: "A person, or the end of a pause, resolved it",
  processing_state_changed: "A conversation, binding or agent was paused or resumed",
  pause_forgotten: "A pause in which its operator has done nothing for long; told once",
  escalation_overdue: "An escalation nobody has looked at in time; told once",
  security_event: "Something about tokens or access; `security_kind` says what",
  webhook_accepted: "A verified webhook is on disk",
  turn_started: "An agent begins a turn, or begins it again",
  turn_finished: "A turn ended",
  tool_called: "A tool was called, or refused by the gate",
  outbound_sent: "A provider took a message",
  outbound_failed: "A message was given up; it is a dead letter and can be replayed",
  outbound_receipt: "What a provider says later of a message it took",
  rate_limited: "A tool or a sender was over its limit",
  budget_threshold: "A budget is used as far as a threshold, or refused a call",
  config_applied: "A config is in force",
  data_erased: "What was said with a person, or all of a tenant, is gone",
  webhook_rejected: "Signatures were refused, counted; at most one a minute for each source",
  source_health: "A source began or ceased to be well",
  hook_applied: "A microapp changed or stopped a message or tool call",
  conversation_muted: "An agent replies no more in a conversation, until an operator says so",
  conversation_unmuted: "It replies again",
  pairing_status_changed: "A pairing goes on, or ended",
  schedule_missed: "Times of a schedule were not kept",
  microapp_state: "A microapp's process changed its state",
};

/** Variables of the program's own: who reads them, and what they say. */
export const VARIABLES: Readonly<Record<string, readonly [by: string, says: string]>> = {
  NEXO_HOME: ["all", "where state, keys, secrets and microapps' state lie; `~/.nexo` otherwise"],
  NEXO_CONFIG: ["core, check", "the config directory, unless `--config` names one"],
  NEXO_PORT: ["dev, edge", "the edge's port, 8787 otherwise"],
  NEXO_HOST: ["edge on Deno", "the address it listens on, 127.0.0.1 otherwise; on Node `--host`"],
  NEXO_NATS_URL: ["core, edge", "`ws://` or `wss://` of NATS; wins over `broker.yaml`"],
  NEXO_NATS_CREDS: ["core, edge", "path of a `.creds` file to sign in with"],
  NEXO_EDGE_KEY: [
    "core, edge",
    "seals what passes between them; at least 32 bytes, the same on both sides",
  ],
  NEXO_CONFIG_SNAPSHOT: ["edge", "a file of `nexo edge config` to start with while core is away"],
  NEXO_LOG: ["all", "the least level that is logged: `debug`, `info`, `warning`, `error`"],
  NEXO_FETCH_ALLOW: [
    "core",
    "addresses and CIDR ranges, by commas, that media may lie at beside public ones",
  ],
  NEXO_MICROAPP_ADMIN_AUDIT_RETENTION_DAYS: ["core", "days admin calls are kept"],
  NEXO_MICROAPP_ADMIN_AUDIT_MAX_ROWS: ["core", "admin calls kept at most"],
  NEXO_EXTENSION_STATE_ROOT: ["microapps", "set by core: the directory a microapp may write"],
  AGENT_EXTENSION_ID: ["microapps", "set by core: the microapp's id"],
  AGENT_VERSION: ["microapps", "set by core: its version"],
  NEXO_HTTP_BIND: ["microapps", "set by core: where a microapp's HTTP server listens"],
  NEXO_HTTP_PORT: ["microapps", "set by core: its port"],
  NEXO_HTTP_TOKEN: ["microapps", "set by core: the bearer it asks for"],
  NEXO_HTTP_HOP_KEY: ["microapps", "set by core: proves that a request came through core"],
  NEXO_HTTP_BASE_PATH: ["microapps", "set by core: the path the edge serves it at"],
  NEXO_HTTP_HEALTH_PATH: ["microapps", "set by core: the path core probes"],
  NEXO_PROCESS_MARK: ["microapps", "set by core: by it core finds processes that were left behind"],
  NEXO_PACKAGE_DIR: [
    "config",
    "set by the command: where this package lies, for the sample config",
  ],
};
