/**
 * Waiting for what a daemon does, by its events and never by the clock.
 *
 * @module
 */
import type { TurnView } from "../../core/contract/views/turns.ts";
import type { RunningDaemon } from "./daemon.ts";

/** An event as `events/list` gives it. */
export type SeenEvent = Readonly<Record<string, unknown>> & { readonly kind: string };

interface EventPage {
  readonly events: readonly SeenEvent[];
  readonly cursor: number;
}

/** How long one question waits at the daemon, in milliseconds. */
const WAIT_MS = 10_000;

/**
 * Calls `look` now and after every event until it gives something; resolves with that.
 *
 * The cursor is taken before the first look, so nothing that happens meanwhile is missed.
 */
export async function eventually<T>(
  { call }: Pick<RunningDaemon, "call">,
  look: () => Promise<T | undefined>,
): Promise<T> {
  let { cursor } = await call<EventPage>("events/list", { limit: 1 });
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    const page = await call<EventPage>("events/list", {
      after: cursor,
      wait_ms: WAIT_MS,
      limit: 1000,
    });
    cursor = page.cursor;
  }
}

/** A finished turn as `turns/tail` gives it. */
export type SeenTurn = TurnView;

/** The newest finished turns, newest first. */
export async function tailTurns(
  { call }: Pick<RunningDaemon, "call">,
  { account, limit = 1000 }: { account?: string; limit?: number } = {},
): Promise<readonly SeenTurn[]> {
  const { turns } = await call<{ turns: SeenTurn[] }>("turns/tail", { account, limit });
  return turns;
}
