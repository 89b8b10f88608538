/**
 * The words that edge, core and extensions share.
 *
 * @module
 */

export { ADMIN_METHODS, type AdminMethodName, type AdminMethods } from "./admin/methods.ts";
export { type LlmProbe } from "./admin/llm_providers.ts";
export { SkillRequires } from "./admin/skills.ts";
export { type MethodSpec, type MethodTable } from "./admin/spec.ts";
export {
  BindingContext,
  bindingId,
  CallMeta,
  EventSourceMeta,
  InboundKind,
  InboundMessageMeta,
  SynthesisMode,
} from "./binding.ts";
export {
  CHAT_FILES,
  CHAT_PIECE_BYTES,
  CHAT_TEXT_CHARS,
  ChatFile,
  ChatInstance,
  ChatMessage,
  ChatMessageState,
  ChatNews,
  ChatPage,
  ChatPiece,
  ChatRequest,
} from "./chat.ts";
export {
  AgentConfig,
  AgentsFile,
  BindingConfig,
  EventSubscriberConfig,
  FallbackReply,
  ModelChoice,
  OutboundAllowlist,
  SubscriberPattern,
} from "./config/agents.ts";
export type { ApprovedChannel } from "./config/agent_channels.ts";
export { BrokerConfig, BrokerFile } from "./config/broker.ts";
export {
  CapabilityGrant,
  ExtensionEntry,
  ExtensionsConfig,
  ExtensionsFile,
} from "./config/extensions.ts";
export {
  SenderRateLimit,
  SenderRateLimitOverride,
  ToolLimit,
  type ToolRateLimits,
} from "./config/limits.ts";
export {
  ApiFlavor,
  FileKind,
  LlmConfig,
  LlmProvider,
  ModelPrice,
  OFFLINE_PROVIDER,
} from "./config/llm.ts";
export { EscalationNotice, OperatorEntry, OversightConfig } from "./config/oversight.ts";
export { GenericConfig, GenericInbound, GenericOutbound } from "./config/generic_channel.ts";
export {
  EmailConfig,
  PLUGIN_FILES,
  type PluginsConfig,
  TelegramConfig,
  WebchatConfig,
  WhatsappConfig,
} from "./config/plugins.ts";
export { McpConfig, McpFile, McpServer } from "./config/mcp.ts";
export {
  AgentTurnConfig,
  FailureTo,
  Misfire,
  PollerId,
  PollerJob,
  type PollersConfig,
  PollersFile,
  Timetable,
} from "./config/pollers.ts";
export { TenantBudgets, TenantConfig, TenantsFile } from "./config/tenants.ts";
export { RedactionPattern, TranscriptsConfig } from "./config/transcripts.ts";
export { PRESET_NAMES, type PresetName, PRESETS } from "./config/presets.ts";
export { RateLimit } from "./config/webhook_fields.ts";
export { ResolvedSource, resolveSource } from "./config/resolved_source.ts";
export { WebhookReceiver, WebhookSource } from "./config/webhooks.ts";
export { SourceFields, type SourceInput } from "./config/webhook_source.ts";
export { secretProblem } from "./config/webhook_secret.ts";
export { DATA_ERASE, DataErased, DataErasure, MicroappErased } from "./data_erasure.ts";
export {
  EDGE_SNAPSHOT_FORMAT,
  EdgeConfig,
  EdgeConfigRequest,
  EdgeSnapshot,
  EdgeSnapshotFile,
  EdgeSource,
} from "./edge_config.ts";
export {
  type DataForm,
  decodeFrame,
  decodeRoll,
  encodeFrame,
  encodeRoll,
  type ExchangeFrame,
  type RollEntry,
} from "./exchange/frames.ts";
export {
  answerHeadersFor,
  type AnswerPlace,
  offeredProtocols,
  requestHeadersFor,
} from "./exchange/headers.ts";
export {
  ExchangeAccept,
  ExchangeHead,
  ExchangeOpen,
  ExchangeRequest,
  HeaderPairs,
  MAX_SOCKET_MESSAGE_BYTES,
  SocketClose,
} from "./exchange/messages.ts";
export {
  type AppPlace,
  appPlaceOf,
  basePathOf,
  isAppsPath,
  isSafeTarget,
} from "./exchange/target.ts";
export {
  Envelope,
  EnvelopeHead,
  envelopeOf,
  type Handoff,
  HandoffHead,
  Outcome,
} from "./envelope.ts";
export {
  bodyOfBytes,
  bodyOfJson,
  encodeBase64,
  type EventBody,
  type Json,
  shownBody,
} from "./event_body.ts";
export { CodedError, codeOf, ERROR_CODES, type ErrorCode, messageOf } from "./errors.ts";
export {
  AgentEvent,
  type AgentEventKind,
  eventTimeMs,
  NEXO_EVENT_KINDS,
  TranscriptRole,
} from "./events.ts";
export {
  BackfillHead,
  BackfillRequest,
  decodeEventBatch,
  encodeEventBatch,
  eventLines,
  LiveHead,
  type WireEvent,
} from "./event_batch.ts";
export {
  AgentEventKindName,
  BEARER_PROTOCOL_PREFIX,
  type Cursor,
  EventFilter,
  FIREHOSE_CLOSE,
  FIREHOSE_PROTOCOL,
  FirehoseFrame,
  formatCursor,
  matchesFilter,
  parseCursor,
  PRESENCE_NAMED,
} from "./firehose.ts";
export {
  AccountId,
  AgentId,
  type Clock,
  createUuids,
  DEFAULT_ACCOUNT,
  type Random,
  Slug,
  Uuid,
  uuidOf,
} from "./ids.ts";
export { PairingState, PairingStatus } from "./pairing.ts";
export { isPathPart } from "./path_part.ts";
export { ConversationKey, Delegation, Inbound, INNER_CHANNELS } from "./inbound.ts";
export { AgentsUpdated, MicroappError, NOTICES } from "./notices.ts";
export { ChatKind, MediaKind, MessagePart, ReplyAddress, textOfParts } from "./message.ts";
export { OutboundBody, textOfBody } from "./outbound.ts";
export {
  AnyScope,
  EscalationReason,
  EscalationState,
  EscalationUrgency,
  InterventionAction,
  ProcessingControlState,
  ProcessingScope,
  ResolvedBy,
} from "./processing.ts";
export { Readiness, readinessOf, ReadinessPart, readyPart } from "./readiness.ts";
export {
  lineJson,
  lineOf,
  readFrame,
  RPC_CODES,
  RpcError,
  RpcFault,
  type RpcFrame,
  type RpcId,
  writeFrame,
  writeRequest,
} from "./rpc.ts";
export { RejectionReport, SourceState } from "./source_health.ts";
export {
  compileSubject,
  escapeToken,
  isPattern,
  isSubject,
  matchSubject,
  matchTokens,
  MAX_HOPS,
  patternsIntersect,
  RESERVED_PATTERNS,
  subjects,
  unescapeToken,
} from "./subjects.ts";
export {
  amountOf,
  isSwitchedOn,
  type Switch,
  switchedOffBy,
  type ToggleRisk,
  TOGGLES,
} from "./toggles.ts";
export { EdgeAuth, eventScopeOf, TokenClaims, TokenScope } from "./token.ts";
