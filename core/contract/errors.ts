/**
 * Every expected failure: one class, one table of codes.
 *
 * @module
 */

/** Each code: whether the same call may succeed later, and what it means. Codes never change meaning. */
export const ERROR_CODES = {
  account_suspended: { retry: false, says: "The tenant is not active" },
  account_unknown: { retry: false, says: "No tenant of that name exists" },
  agent_unknown: { retry: false, says: "No agent of that name exists" },
  budget_exceeded: {
    retry: false,
    says: "A budget of the tenant or agent does not cover the call",
  },
  bus_closed: { retry: true, says: "The bus closed while work was under way" },
  bus_no_responder: { retry: true, says: "Nobody answers on that subject" },
  bus_overflow: { retry: true, says: "A subscriber's queue is full" },
  bus_timeout: { retry: true, says: "No answer arrived in time" },
  bus_too_large: { retry: false, says: "A message is larger than the bus carries" },
  bus_unauthorized: { retry: false, says: "The bus does not accept these credentials" },
  bus_unreachable: { retry: true, says: "There is no connection to the bus" },
  conflict: { retry: true, says: "The state changed between reading and writing" },
  config_invalid: { retry: false, says: "A config file is wrong; the problems name file and line" },
  config_unwritable: { retry: true, says: "A config file could not be read or replaced on disk" },
  conversation_paused: { retry: false, says: "A person has the conversation, not the agent" },
  daemon_not_running: { retry: true, says: "No daemon answers for this NEXO_HOME" },
  daemon_running: { retry: false, says: "Another daemon holds this NEXO_HOME" },
  conversation_muted: { retry: false, says: "A microapp asked for no further replies there" },
  envelope_invalid: { retry: false, says: "A webhook did not match the envelope schema" },
  erase_incomplete: {
    retry: true,
    says: "A microapp did not erase what it keeps",
  },
  exchange_invalid: { retry: false, says: "A frame of an HTTP exchange could not be read" },
  exchange_lost: { retry: true, says: "The other half of an HTTP exchange went away" },
  fetch_failed: { retry: true, says: "A file could not be fetched from where it lies" },
  fetch_refused: {
    retry: false,
    says: "A file may not be fetched: its address or size is refused",
  },
  firehose_full: { retry: true, says: "Too many clients follow the events already" },
  frame_invalid: { retry: false, says: "A JSON-RPC frame could not be read" },
  frame_too_long: { retry: false, says: "A JSON-RPC line passed the size limit" },
  hook_failed: { retry: true, says: "A microapp that must have its say did not answer a hook" },
  inbound_refused: { retry: false, says: "A message was not accepted for an agent" },
  install_refused: { retry: false, says: "A microapp cannot be installed as it is" },
  internal: { retry: false, says: "A defect in this program" },
  invalid_params: { retry: false, says: "The arguments do not fit the method" },
  manifest_invalid: { retry: false, says: "A plugin.toml is wrong" },
  microapp_bad_answer: { retry: true, says: "The microapp's HTTP server did not answer properly" },
  microapp_breaker_open: { retry: true, says: "The microapp failed too often for this tenant" },
  microapp_busy: { retry: true, says: "Too many calls wait for the microapp already" },
  microapp_exited: { retry: true, says: "The microapp's process ended during the call" },
  microapp_handshake: { retry: true, says: "The microapp did not answer initialize properly" },
  microapp_not_ready: { retry: true, says: "The microapp is not running" },
  microapp_timeout: { retry: true, says: "The microapp did not answer in time" },
  model_auth: { retry: false, says: "The provider refused the key, or there is none" },
  model_bad_request: { retry: false, says: "The provider refused what it was asked" },
  model_context_length: { retry: false, says: "The conversation is longer than the model reads" },
  model_empty: {
    retry: false,
    says: "The language model neither said nor did anything for somebody who waits",
  },
  model_failed: { retry: true, says: "The language model's answer could not be read" },
  model_overloaded: {
    retry: true,
    says: "The provider is down, overloaded or resting after faults",
  },
  model_rate_limited: { retry: true, says: "The provider takes no more requests for now" },
  model_timeout: { retry: true, says: "The provider was silent for too long" },
  model_unknown: { retry: false, says: "No provider of that name is configured" },
  model_unpriced: { retry: false, says: "A budget in money stands, and the model has no price" },
  not_found: { retry: false, says: "Nothing of that name exists here" },
  outbound_expired: { retry: false, says: "A message waited longer than it may for its channel" },
  outbound_failed: { retry: false, says: "A message could not be sent" },
  outbound_uncertain: { retry: false, says: "Core stopped while it sent a message" },
  port_in_use: { retry: false, says: "The address is taken by another process" },
  program_failed: { retry: true, says: "A program that was needed is missing or failed" },
  queue_full: { retry: true, says: "Too many messages of this conversation wait already" },
  rate_limited: { retry: true, says: "Too many messages came from one sender" },
  sandbox_refused: { retry: false, says: "A microapp cannot be confined as asked" },
  sealed_unreadable: { retry: false, says: "Sealed data does not open with the keys at hand" },
  store_busy: { retry: true, says: "The database stayed locked by another process" },
  store_closed: { retry: true, says: "This core is stopping; its successor has the store open" },
  store_full: { retry: true, says: "The disk is full or the writer's queue is" },
  token_invalid: {
    retry: false,
    says: "The token is missing, expired, revoked or for something else",
  },
  tool_failed: { retry: false, says: "A tool answered with an error" },
  tool_loop: { retry: false, says: "The model asked for tools too many times in one turn" },
  turn_timeout: { retry: true, says: "A turn took longer than its agent allows" },
  usage: { retry: false, says: "The command line is wrong" },
} as const;

/** A key of {@linkcode ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected failure. Handle it by `code`; show `message` to people. */
export class CodedError extends Error {
  override readonly name = "CodedError";
  /** What kind of failure this is. */
  readonly code: ErrorCode;

  /** `options.cause` keeps the failure underneath. */
  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  /** Whether the same call may succeed later. */
  get retryable(): boolean {
    return ERROR_CODES[this.code].retry;
  }
}

/** The code of any thrown value; a foreign error counts as `internal`. */
export function codeOf(error: unknown): ErrorCode {
  return error instanceof CodedError ? error.code : "internal";
}

/** The text of any thrown value. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
