/**
 * The rows a turn leaves, as the record and the event log make them.
 *
 * @module
 */
import type { RowsForEvents } from "../events/event_rows.ts";
import type { ToolCall } from "../record/tool_calls.ts";
import type { FinishedTurn } from "../record/turns.ts";
import type { RowsForTranscript, TranscriptEntry } from "../record/transcript_rows.ts";
import type { Write } from "../store/store.ts";

/** Makes rows; nothing is written before the caller commits them. */
export interface RecordRows {
  readonly transcript: RowsForTranscript;
  /** A turn and what was said in it, for which its row vouches. */
  readonly turn: (
    turn: Omit<FinishedTurn, "content"> & { readonly entries: readonly TranscriptEntry[] },
  ) => Write[];
  readonly toolCall: (call: ToolCall) => Write[];
  readonly events: RowsForEvents;
}
