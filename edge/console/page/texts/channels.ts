/**
 * The channels page.
 *
 * @module
 */

/** The texts, by where they stand. */
export const CHANNELS = {
  channels: {
    intro: "Lines that people write on: who answers, whether they can hear and send.",
    tenant: "Tenant",
    agents: "Answered by",
    nobody: "nobody",
    credential: "Signs in with",
    inFiles: "what files say, if anything",
    registeredBy: (by: string | null) => `a credential ${by ?? "an operator"} registered`,
    lastTurn: "Last message",
    lastSent: "Last sent",
    lastFailed: "Last given up",
    waiting: "On its way out",
    nothingWaits: "nothing",
    waits: (count: number, retrying: number, since: string) =>
      `${count}, the oldest for ${since}` + (retrying === 0 ? "" : `; ${retrying} failed before`),
    webhook: "Its provider calls",
    emptyTitle: "No lines",
    empty:
      "Give an agent an inbound_binding in agents.yaml, for example on the web chat. See what is missing with:",
    emptyCommand: "npx nexo check",
  },
} as const;
