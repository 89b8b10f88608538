/**
 * What a provider is told because of what its body says: challenges, pings, answers to kinds of events.
 *
 * @module
 */
import type { EdgeSource, EventBody } from "../../core/contract/mod.ts";
import { listOf, type Reply, SECURITY_HEADERS } from "../reply.ts";
import { compilePath } from "./members.ts";

/** An answer that fits a body. */
export interface Answer {
  /** Whether the event is kept first. */
  readonly keep: boolean;
  readonly reply: Pick<Reply, "headers" | "status">;
  readonly body: string | null;
}

/** The first answer whose every condition a body meets exactly. */
export type FindAnswer = (body: EventBody) => Answer | undefined;

/** Prepares the answers given; undefined when there are none. */
export function createAnswers(answers: EdgeSource["answers"]): FindAnswer | undefined {
  if (answers.length === 0) return undefined;
  const prepared = answers.map(({ when, echo, content_type: type, status, body, keep }) => ({
    conditions: Object.entries(when).map(([path, value]) => ({ read: compilePath(path), value })),
    echo: echo === null ? undefined : compilePath(echo),
    body,
    keep,
    reply: {
      status,
      headers: listOf(
        type === null ? SECURITY_HEADERS : { ...SECURITY_HEADERS, "content-type": type },
      ),
    },
  }));
  return ({ json }) => {
    if (json === undefined) return undefined;
    for (const { conditions, echo, body, keep, reply } of prepared) {
      if (!conditions.every(({ read, value }) => read(json.value) === value)) continue;
      if (echo === undefined) return { keep, reply, body };
      const echoed = echo(json.value);
      if (typeof echoed === "string") return { keep, reply, body: echoed };
    }
    return undefined;
  };
}
