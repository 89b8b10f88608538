/**
 * The states of everything, in words.
 *
 * @module
 */

/** The texts, by where they stand. */
export const STATES = {
  states: {
    queued: "queued",
    running: "running",
    done: "done",
    unmatched: "no subscriber",
    dead: "dead letter",
    ok: "ok",
    error: "error",
    refused: "refused",
    timeout: "timed out",
    not_allowed: "not allowed",
    rate_limited: "rate limited",
    invalid_args: "bad arguments",
    blocked: "blocked by a hook",
    ready: "ready",
    spawning: "starting",
    restarting: "restarting",
    failed: "failed",
    stopped: "stopped",
    sent: "sent",
    open: "under way",
    active: "active",
    suspended: "suspended",
    holds: "holds",
    broken: "broken",
    denied: "denied",
    unknown: "no outcome",
    warning: "warning",
    enabled: "on",
    disabled: "off",
    failing: "failing",
    unanswered: "nobody answers",
    off: "off",
    unwatched: "not probed",
    unhealthy: "unhealthy",
    starting: "starting",
  } as Readonly<Record<string, string>>,
} as const;
