/**
 * A turn as a trace: what it did when, and how long each part took.
 *
 * @module
 */
import type { TurnStory } from "../../../core/contract/views/turns.ts";
import { showDuration } from "./format.ts";
import { TEXTS } from "./texts/mod.ts";
import { Badge } from "./ui.tsx";

const T = TEXTS.trace;

/** One bar. */
interface Span {
  readonly id: string;
  readonly kind: "turn" | "model" | "tool" | "send";
  readonly name: string;
  readonly state: string;
  readonly fromMs: number;
  /** Null while it goes on. */
  readonly toMs: number | null;
}

/** The trace of a turn, in the order things began. */
export function Trace({ story }: { story: TurnStory }) {
  const spans = spansOf(story);
  const from = Math.min(...spans.map(({ fromMs }) => fromMs));
  const to = Math.max(from + 1, ...spans.map(({ fromMs, toMs }) => toMs ?? fromMs));
  return (
    <section>
      <h2>{T.title}</h2>
      <ol class="trace panel stretch">
        {spans.map((span) => (
          <li key={span.id} class={span.kind}>
            <span class="trace-name">
              <span class="meta">{T.kinds[span.kind]}</span> <code>{span.name}</code>{" "}
              <Badge state={span.state} />
            </span>
            <svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true">
              <rect class="ground" width={1000} height={10} />
              <rect
                class={`bar ${span.kind}`}
                x={1000 * (span.fromMs - from) / (to - from)}
                width={Math.max(4, 1000 * ((span.toMs ?? to) - span.fromMs) / (to - from))}
                height={10}
              />
            </svg>
            <span class="meta trace-time">
              {T.at(showDuration(span.fromMs - from))} ·{" "}
              {span.toMs === null ? T.open : showDuration(span.toMs - span.fromMs)}
            </span>
          </li>
        ))}
        <li aria-hidden="true">
          <span class="trace-axis muted">
            {[0, 0.5, 1].map((part) => (
              <span key={String(part)}>{showDuration(part * (to - from))}</span>
            ))}
          </span>
        </li>
      </ol>
    </section>
  );
}

function spansOf({ turn, model_calls, tool_calls, sends }: TurnStory): Span[] {
  const parts: Span[] = [
    ...model_calls.map((call): Span => ({
      id: call.id,
      kind: "model",
      name: `${call.provider} / ${call.model}`,
      state: call.state,
      fromMs: call.at_ms,
      toMs: call.ended_at_ms,
    })),
    ...tool_calls.map((call): Span => ({
      id: call.call_id,
      kind: "tool",
      name: call.tool,
      state: call.outcome,
      fromMs: call.at_ms,
      toMs: call.at_ms + call.duration_ms,
    })),
    ...sends.map((send): Span => ({
      id: send.id,
      kind: "send",
      name: `${send.channel}:${send.instance}`,
      state: send.state,
      fromMs: send.created_at_ms,
      toMs: send.sent_at_ms,
    })),
  ];
  return [
    {
      id: turn.turn_id,
      kind: "turn",
      name: turn.agent_id,
      state: turn.outcome,
      fromMs: turn.started_at_ms,
      toMs: turn.finished_at_ms,
    },
    ...parts.sort((a, b) => a.fromMs - b.fromMs || (a.toMs ?? Infinity) - (b.toMs ?? Infinity)),
  ];
}
