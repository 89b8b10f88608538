/**
 * Sending files up before the message that names them.
 *
 * @module
 */
import type { ChatFile } from "../../../core/contract/chat.ts";

/** What the edge takes, and the way to send it. */
export interface Upload {
  readonly maxBytes: number;
  /** Files of one message. */
  readonly most: number;
  /** @throws when the edge does not take it */
  readonly send: (file: File) => Promise<ChatFile>;
}

/** Returns the way to the edge at `page`, the chat's own address without a slash at its end. */
export function createUpload(page: string, { maxBytes, most }: Omit<Upload, "send">): Upload {
  return {
    maxBytes,
    most,
    async send(file) {
      const url = `${page}/files?name=${encodeURIComponent(file.name)}`;
      const answer = await fetch(url, { method: "POST", body: file });
      if (!answer.ok) throw new Error(`the edge answered ${answer.status}`);
      return (await answer.json() as { file: ChatFile }).file;
    },
  };
}
