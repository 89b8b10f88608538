/**
 * What a hook may answer.
 *
 * @module
 */

/** The moments a microapp may hook into. */
export type HookPoint = "before_message" | "after_message" | "before_tool_call" | "after_tool_call";

/** An answer, as it goes over the wire. */
export interface HookAnswer {
  readonly abort: boolean;
  readonly decision?: "allow" | "block" | "transform";
  readonly reason?: string;
  readonly transformed_body?: string;
  readonly do_not_reply_again?: true;
  readonly override?: Readonly<Record<string, unknown>>;
}

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
