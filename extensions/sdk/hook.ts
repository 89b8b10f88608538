/**
 * Hooks: when core asks, what it tells, and what may be answered.
 *
 * @module
 */
import type { CallContext } from "./context.ts";

/** What core tells at each moment a microapp may hook into. */
export interface HookParams {
  /** Before a message reaches the model. */
  readonly before_message: {
    readonly agent_id: string;
    readonly session_id: string | null;
    readonly text: string;
    /** The channel it came from. */
    readonly source: string;
  };
  /** When there is a reply. */
  readonly after_message: {
    readonly agent_id: string;
    readonly session_id: string | null;
    readonly text_in: string;
    readonly text_out: string;
  };
  /** Before a tool runs, of whichever microapp. */
  readonly before_tool_call: {
    readonly agent_id: string;
    readonly session_id: string | null;
    /** As the model sees it. */
    readonly tool_name: string;
    readonly arguments: unknown;
  };
  readonly after_tool_call: {
    readonly agent_id: string;
    readonly session_id: string | null;
    readonly tool_name: string;
    readonly duration_ms: number;
    readonly result: string;
    readonly error: string | null;
  };
}

/** The moments a microapp may hook into. */
export type HookPoint = keyof HookParams;

/** An answer, as it goes over the wire. */
export interface HookAnswer {
  readonly abort: boolean;
  readonly decision?: "allow" | "block" | "transform";
  readonly reason?: string;
  readonly transformed_body?: string;
  readonly do_not_reply_again?: true;
  readonly override?: Readonly<Record<string, unknown>>;
}

/** Answers a hook; nothing means {@linkcode allow}. */
export type HookHandler<Point extends HookPoint = HookPoint, Config = unknown> = (
  params: HookParams[Point],
  context: CallContext<Config>,
) => HookAnswer | void | Promise<HookAnswer | void>;

/** At most one handler for each moment. */
export type Hooks<Config = unknown> = {
  readonly [Point in HookPoint]?: HookHandler<Point, Config>;
};

/** Goes on unchanged. Returning nothing means the same. */
export function allow(): HookAnswer {
  return { abort: false, decision: "allow" };
}

/** Stops here; with `mute`, the conversation gets no further replies. Only for `before_*`. */
export function block(reason: string, { mute = false }: { mute?: boolean } = {}): HookAnswer {
  const answer = { abort: true, decision: "block" as const, reason };
  return mute ? { ...answer, do_not_reply_again: true } : answer;
}

/** Goes on with another text: of the message, or of the reply in `after_message`. */
export function transform(text: string): HookAnswer {
  return { abort: false, decision: "transform", transformed_body: text };
}

/** Goes on with some members replaced: `text`, `text_out` or `arguments`. */
export function override(members: Readonly<Record<string, unknown>>): HookAnswer {
  return { abort: false, override: members };
}
