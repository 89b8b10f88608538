/**
 * Turns: the list, and the page of one.
 *
 * @module
 */

/** The texts, by where they stand. */
export const TURNS = {
  turns: {
    intro: "Finished turns of all agents, on record for good.",
    finished: "Finished",
    tenant: "Tenant",
    agent: "Agent",
    trigger: "Trigger",
    outcome: "Outcome",
    tools: "Tools",
    tokens: "Tokens",
    duration: "Duration",
    turn: "Turn",
    emptyTitle: "No turns yet",
    empty: "A turn is one run of an agent over a message or event. Start one:",
    noneFit: "No turn fits these filters.",
  },
  turn: {
    title: "Turn",
    back: "All turns",
    binding: "Binding",
    model: "Model",
    tokens: (given: string, made: string) => `${given} in, ${made} out`,
    tries: "Tries",
    started: "Started",
    delivery: "Delivery",
    session: "Conversation",
    error: "Error",
    said: "What was said",
    saidHint: "As kept: redacted.",
    nothingSaid: "Nothing is kept of what was said.",
    calls: "Tool calls",
    noCalls: "The model called no tools.",
    arguments: "Arguments",
    result: "Result",
    by: (microapp: string) => `by ${microapp}`,
    noLimit: "no limit",
    limit: (rate: string, burst: number) => `limit ${rate}, ${burst} at once`,
    reply: "Reply",
    noReply: "none was sent",
    roles: { user: "In", assistant: "Agent", tool: "Tool", system: "System" } as Readonly<
      Record<string, string>
    >,
  },
  trace: {
    title: "Trace",
    kinds: { turn: "turn", model: "model", tool: "tool", send: "send" },
    at: (offset: string) => `at ${offset}`,
    open: "not ended",
  },
  presence: {
    alsoHere: (names: readonly string[]) => `Also at this conversation: ${names.join(", ")}`,
    more: (count: number) => `${count} more`,
  },
} as const;
