/**
 * Following the firehose from a browser, or from anything with a WebSocket.
 *
 * @module
 */
export {
  type FirehoseClient,
  type FirehoseFilters,
  type FirehoseOptions,
  type FirehoseState,
  openFirehose,
  type WebSocketConstructor,
  type WebSocketLike,
} from "./firehose.ts";
export type { AgentEvent, AgentEventKind, FirehoseFrame } from "../../core/contract/mod.ts";
