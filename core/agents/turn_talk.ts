/**
 * What is said in one run of a turn, as the transcript keeps it.
 *
 * @module
 */
import type { Clock, Inbound } from "../contract/mod.ts";
import type { ModelMessage } from "../models/model.ts";
import { plainOf } from "../models/untrusted.ts";
import type { TranscriptEntry } from "../record/transcript_rows.ts";
import type { TurnFiles } from "./files.ts";
import { userText } from "./prompt.ts";
import type { Summary } from "./past.ts";
import { stepId, SUMMARY_STEP } from "./session.ts";
import type { TurnInbounds } from "./turn_types.ts";

/** The growing talk of a run. */
export interface TurnTalk {
  /** The question as the model gets it; `changed` when it is not what was said. */
  readonly heard: (
    text: string,
    options?: { readonly changed: boolean } & Partial<TurnFiles>,
  ) => void;
  /** An answer or a tool result. */
  readonly said: (message: ModelMessage) => void;
  /** The beginning of the conversation was summed up. */
  readonly summarized: (summary: Summary) => void;
  /** Its last answer is never said to anybody; what its tools did was done. */
  readonly withheld: () => void;
  readonly toolCalls: () => number;
  /**
   * One entry per message that came in and is not on record yet; the model's version of them is kept
   * with the last. What a hook changed stands in their place, as one: what it took out must not be
   * kept. A failed turn leaves its answers to people only: half a tool exchange would confuse the
   * model for ever.
   */
  readonly entries: (
    end: { readonly outcome: string; readonly reply: string | null },
  ) => TranscriptEntry[];
}

/** Returns the empty talk of a turn over `inbounds`. */
export function createTurnTalk(
  { turnId, inbounds, startedAtMs, now }: {
    turnId: string;
    inbounds: TurnInbounds;
    startedAtMs: number;
    now: Clock;
  },
): TurnTalk {
  const { channel } = inbounds[0].key;
  const said: ModelMessage[] = [];
  let summary: Summary | undefined;
  let question: string | undefined;
  let brought: TurnFiles = { files: [], notes: [] };
  let changed = false;

  function remembered(): TranscriptEntry[] {
    if (summary === undefined) return [];
    return [{
      role: "system",
      text: `Summary of what was said before: ${summary.text}`,
      modelMessage: summary,
      sourcePlugin: channel,
      messageId: stepId(turnId, SUMMARY_STEP, "entry"),
      turnId,
      sentAtMs: startedAtMs,
    }];
  }

  return {
    heard(text, options) {
      question = text;
      changed = options?.changed === true;
      brought = { files: options?.files ?? [], notes: options?.notes ?? [] };
    },
    said: (message) => void said.push(message),
    summarized: (made) => void (summary = made),
    withheld() {
      question ??= userText(inbounds);
      if (said.at(-1)?.role === "assistant") said.pop();
    },
    toolCalls: () => said.filter(({ role }) => role === "tool").length,
    entries({ outcome, reply }) {
      if (outcome !== "ok" && reply !== null) said.push({ role: "assistant", content: reply });
      const fresh = inbounds.filter(({ on_record }) => on_record !== true);
      const kept = changed ? fresh.slice(-1) : fresh;
      // What was on record before has a message of its own.
      const mine = fresh.length < inbounds.length && !changed
        ? [userText(fresh), ...brought.notes].join("\n")
        : question;
      const { files } = brought;
      const model = question === undefined
        ? undefined
        : files.length === 0
        ? { role: "user", content: mine }
        : { role: "user", content: mine, files };
      const heard = kept.map((inbound, i): TranscriptEntry =>
        heardEntry(inbound, {
          changed: changed ? question : undefined,
          modelMessage: i === kept.length - 1 ? model : undefined,
          turnId,
        })
      );
      const answered = said.map((message, i): TranscriptEntry => ({
        role: message.role,
        text: message.content,
        modelMessage: outcome === "ok" || message.content === reply ? message : undefined,
        sourcePlugin: channel,
        messageId: stepId(turnId, i, "entry"),
        turnId,
        sentAtMs: now(),
      }));
      return [...remembered(), ...heard, ...answered];
    },
  };
}

/** What a person or an event said; `changed` is what hooks made of it. */
export function heardEntry(
  inbound: Inbound,
  { changed, modelMessage, turnId }:
    & Pick<TranscriptEntry, "modelMessage" | "turnId">
    & { readonly changed?: string | undefined },
): TranscriptEntry {
  const shown = changed ?? inbound.text;
  return {
    role: "user",
    text: inbound.templated ? plainOf(shown) : shown,
    sourcePlugin: inbound.key.channel,
    senderId: inbound.sender_id ?? undefined,
    modelMessage,
    messageId: inbound.id,
    turnId,
    sentAtMs: inbound.sent_at_ms,
  };
}
