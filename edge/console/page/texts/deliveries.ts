/**
 * Deliveries: the lists, and the page of one.
 *
 * @module
 */
import { plural } from "./plural.ts";

/** The texts, by where they stand. */
export const DELIVERIES = {
  deliveries: {
    intro: "What providers sent, and what became of it.",
    views: "Views",
    accepted: "Accepted",
    dead: "Dead letters",
    refused: "Refused",
    received: "Received",
    source: "Source",
    kind: "Kind",
    tenant: "Tenant",
    state: "State",
    verified: "Verified",
    verifiedBy: (by: string | null) => by ?? "yes",
    attempts: "Tries",
    delivery: "Delivery id",
    emptyTitle: "No deliveries yet",
    empty: "A webhook that passes its source's signature check shows up here. Send one:",
    noneFit: "No delivery fits these filters.",
    deadEmptyTitle: "No dead letters",
    deadEmpty: "What was accepted and could not be finished would wait here for a replay.",
    refusedEmptyTitle: "Nothing was refused",
    refusedEmpty:
      "Webhooks that this edge refuses are listed here until it restarts. See one with a wrong signature:",
    refusedCommand: (origin: string) => `curl -X POST ${origin}/webhooks/github -d '{}'`,
    refusedNote:
      "The newest refusals of the edge that serves this page. Other edges keep their own; the log has all of them.",
    answered: "Answered",
    reason: "Reason",
    client: "Client",
    request: "Request id",
    at: "At",
    code: "Code",
    detail: "Detail",
    replayed: "Replayed",
    notReplayed: "no",
    kindOf: { inbox: "delivery", inbound: "message", outbox: "send" } as Readonly<
      Record<string, string>
    >,
  },
  delivery: {
    title: "Delivery",
    back: "All deliveries",
    envelope: "Envelope",
    subject: "Subject",
    verification: "Verification",
    verified: (by: string | null) =>
      by === null ? "passed; the source is not configured any more" : `passed: ${by}`,
    replayedFrom: "Replay of",
    chain: "What became of it",
    received: "Received and verified",
    receivedText: (source: string) => `Source ${source} accepted it; it is on disk.`,
    noStep:
      "No agent subscribes to this event. Add an event_subscriber whose subject_pattern fits:",
    step: (agent: string) => `Message for ${agent}`,
    tries: (starts: number) => plural(starts, "try", "tries"),
    nextTry: "next try",
    turn: "Turn",
    deadLetter: "Dead letter",
    request: "Request",
    headers: "Headers",
    headersHint: "Headers that are harmless are kept; signatures and secrets never are.",
    body: "Body",
    bodyHint: "Headers and raw body are sealed at rest. Looking at them is on record in the audit.",
    showBody: "Show request",
    bodyGone: "The body is not kept any more.",
    replay: "Replay",
    replayTitle: "Replay this delivery?",
    replayText:
      "It is routed again as a new envelope, by the configuration as it is now. Agents may act, and send, a second time.",
    replaying: "Replaying",
    replayedAs: "Replayed as a new delivery:",
    replayDead: "Try again",
    replayDeadTitle: "Try this dead letter again?",
    replayDeadText: "It goes through again under its own id, as if it had never been tried.",
    replayedDead: "It is on its way again.",
  },
} as const;
