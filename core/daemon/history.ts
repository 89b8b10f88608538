/**
 * A conversation's past, read from its transcript.
 *
 * @module
 */
import { z } from "zod";
import { Summary } from "../agents/past.ts";
import type { TurnDeps } from "../agents/turn_types.ts";
import type { PastMessage } from "../agents/window.ts";
import { ModelMessage } from "../models/model.ts";
import type { Transcripts } from "../record/transcripts.ts";

/** What stands in the model's column of a transcript. */
const Kept = z.discriminatedUnion("role", [Summary, ModelMessage]);

/** What was checked before, for as long as the message is remembered elsewhere. */
const checked = new WeakSet<object>();

/** The message itself, so that what is known of it is known of it the next time. */
function keptOf(message: unknown): z.infer<typeof Kept> {
  const isKnown = typeof message === "object" && message !== null && checked.has(message);
  if (isKnown) return message as z.infer<typeof Kept>;
  const kept = Kept.parse(message);
  checked.add(message as object);
  return message as typeof kept;
}

/** Entries read at a time, and at most; what is older still is neither shown nor summed up. */
const PAGE = 50;
const MAX_ENTRIES = 1_000;

/** A session's past as its model knows it. */
export function historyReader(transcripts: Pick<Transcripts, "readHistory">): TurnDeps["history"] {
  return async function history(
    { account, agentId, sessionId, limit, whole = false, except = [] },
  ) {
    let messages: PastMessage[] = [];
    const most = whole ? MAX_ENTRIES : Math.min(limit, MAX_ENTRIES);
    let summary: Summary | undefined;
    let before: number | undefined;
    for (let read = 0; read < most;) {
      const entries = transcripts.readHistory({
        account,
        agentId,
        sessionId,
        limit: Math.min(PAGE, most - read),
        before,
      });
      const page = entries instanceof Promise ? await entries : entries;
      const older: PastMessage[] = [];
      for (const { seq, messageId, modelMessage } of page) {
        if (modelMessage === undefined || except.includes(messageId)) continue;
        const kept = keptOf(modelMessage);
        if (kept.role !== "summary") older.push({ seq, message: kept });
        else if (kept.up_to_seq > (summary?.up_to_seq ?? -1)) summary = kept;
      }
      messages = [...older, ...messages];
      read += page.length;
      before = page[0]?.seq;
      if (page.length < PAGE || (before ?? 0) <= (summary?.up_to_seq ?? -1) + 1) break;
    }
    const from = summary?.up_to_seq ?? -1;
    return { summary, messages: from < 0 ? messages : messages.filter(({ seq }) => seq > from) };
  };
}
