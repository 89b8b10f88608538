/**
 * What a channel is made of and made with: a file has one kind, the registry names it.
 *
 * @module
 */
import type { Clock, Envelope, Handoff, Outcome } from "../contract/mod.ts";
import type { Log } from "../flow/log.ts";
import type { ChatLog } from "../queues/chat_log.ts";
import type { Settings } from "../settings/settings.ts";
import type { Channel } from "./channel.ts";
import type { FetchMedia } from "./media/fetch_media.ts";

/** A channel before it is opened. */
export interface ChannelKind {
  /** `telegram`, …; also the name of its file below `plugins/`. */
  readonly id: string;
  /** Most UTF-16 code units of one text; longer ones are sent in pieces. */
  readonly textLimit: number;
  /** Starts nothing: work of an instance's own is {@linkcode Channel.attend}. */
  readonly open: (deps: ChannelDeps) => Channel;
}

/** What channels are made with. */
export interface ChannelDeps {
  readonly settings: () => Settings;
  /** What was registered for an instance; undefined when nothing was. */
  readonly credentialOf: (channel: string, instance: string) => unknown;
  /** A secret of ours that nobody has to configure: always the same for a purpose. */
  readonly ownSecret: (purpose: string) => string;
  /** Where the internet finds the edge, without a slash at its end; undefined when nobody said. */
  readonly publicUrl: () => string | undefined;
  /** Fetches what strangers point at. */
  readonly fetchMedia: FetchMedia;
  /** Keeps events a channel fetched by itself, as the edge does; an outcome is on disk. */
  readonly deliver: (handoffs: readonly Handoff[]) => Promise<Outcome[]>;
  /** When the other side of a conversation last wrote; undefined when it never did. */
  readonly lastHeardMs: (account: string, sessionId: string) => Promise<number | undefined>;
  /** An event that was kept; undefined when it is no more. */
  readonly envelopeOf: (id: string) => Promise<Envelope | undefined>;
  /** What visitors of the web chat see. */
  readonly visitors: {
    readonly log: Pick<ChatLog, "rowsForHeard" | "rowsForSent">;
    /** An answer is being written in a conversation. */
    readonly typing: (sessionId: string) => void;
  };
  readonly mcp: McpLink;
  /** Small texts that outlive the process: how far a mailbox was read. */
  readonly memory: ChannelMemory;
  readonly uuid: () => string;
  readonly now: Clock;
  readonly log: Log;
}

/** MCP servers, as far as a channel needs them. */
export interface McpLink {
  /** How a server stands; undefined when there is none of that name. */
  readonly server: (name: string) => McpChannelServer | undefined;
  /**
   * Calls a tool; resolves with the server's own words when it says no, and whether it is in trouble
   * that may pass, else with nothing.
   *
   * @throws {CodedError} as the host's `callTool`
   */
  readonly call: (call: {
    readonly server: string;
    readonly tool: string;
    readonly arguments: Readonly<Record<string, string>>;
    readonly account: string;
    readonly agentId: string;
    /** The same for a try again. */
    readonly callId: string;
    readonly signal: AbortSignal;
  }) => Promise<{ readonly reason: string; readonly passes: boolean } | undefined>;
}

/** An MCP server as a channel. */
export interface McpChannelServer {
  readonly state: string;
  /** Whether it declares `experimental["nexo/channel"]`. */
  readonly isChannel: boolean;
  /** Names of the arguments of its tools, by the tool's name. */
  readonly tools: ReadonlyMap<string, ReadonlySet<string>>;
}

/** Small texts on disk, by key. */
export interface ChannelMemory {
  readonly get: (key: string) => Promise<string | undefined>;
  readonly put: (key: string, value: string) => Promise<void>;
}
