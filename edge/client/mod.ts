/**
 * Following the firehose from a browser, or from anything with a WebSocket.
 *
 * @module
 */
export {
  type ConversationPresence,
  type FirehoseClient,
  type FirehoseFilters,
  type FirehoseOptions,
  type FirehoseState,
  openFirehose,
} from "./firehose.ts";
export type { WebSocketConstructor, WebSocketLike } from "./link.ts";
export type { AgentEvent, AgentEventKind, FirehoseFrame } from "../../core/contract/mod.ts";
