/**
 * Transcripts as nexo writes them: one file a session, one JSON object a line.
 *
 * @module
 */
import type { TranscriptRow } from "./transcripts.ts";

/** The session a file is about. */
export interface JsonlSession {
  readonly sessionId: string;
  readonly agentId: string;
  /** The channel of its first entry, and when that was said. */
  readonly sourcePlugin: string;
  readonly startedAtMs: number;
}

/** The first line of a session's file, with its newline. */
export function sessionLine(
  { sessionId, agentId, sourcePlugin, startedAtMs }: JsonlSession,
): string {
  return line({
    type: "session",
    version: 1,
    id: sessionId,
    timestamp: new Date(startedAtMs).toISOString(),
    agent_id: agentId,
    source_plugin: sourcePlugin,
  });
}

/** The line of one entry, with its newline. */
export function entryLine(
  { role, body, messageId, sourcePlugin, senderId, sentAtMs }: Pick<
    TranscriptRow,
    "role" | "body" | "messageId" | "sourcePlugin" | "senderId" | "sentAtMs"
  >,
): string {
  return line({
    type: "entry",
    timestamp: new Date(sentAtMs).toISOString(),
    role,
    content: body,
    message_id: messageId,
    source_plugin: sourcePlugin,
    ...(senderId === null ? {} : { sender_id: senderId }),
  });
}

function line(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}
