/**
 * What happens to the tenant that is shown, over one connection for the whole page.
 *
 * @module
 */
import { connection } from "./connection.ts";

/** The events after which answers are old; `gap` stands for those nobody knows any more. */
const KINDS = [
  "gap",
  "transcript_appended",
  "processing_state_changed",
  "pending_inbounds_dropped",
  "escalation_requested",
  "escalation_resolved",
  "pairing_status_changed",
  "turn_finished",
  "outbound_sent",
  "outbound_failed",
];
/** Events come in swarms; answers are asked for once after each. */
const SETTLE_MS = 200;
const AGAIN_MS = 1_000;

function createLive() {
  const listeners = new Set<() => void>();
  let source: EventSource | undefined;
  let followed: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reopening: ReturnType<typeof setTimeout> | undefined;

  function soon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const listener of listeners) listener();
    }, SETTLE_MS);
  }

  function open(account: string): void {
    const path = `api/tenants/${encodeURIComponent(account)}/events`;
    const opened = new EventSource(new URL(path, document.baseURI));
    source = opened;
    opened.addEventListener("open", () => {
      connection.found();
      soon();
    });
    opened.addEventListener("error", () => {
      connection.lost();
      // A browser comes back by itself after a broken connection, not after an answer such as 503.
      if (opened.readyState !== EventSource.CLOSED || source !== opened) return;
      reopening = setTimeout(() => open(account), AGAIN_MS);
      // A question tells whether the session is over.
      soon();
    });
    for (const kind of KINDS) opened.addEventListener(kind, soon);
  }

  return {
    /** Follows a tenant in place of the one before, until there is another. */
    follow(account: string | undefined): void {
      if (account === followed) return;
      source?.close();
      clearTimeout(reopening);
      source = undefined;
      followed = account;
      if (account !== undefined) open(account);
    },
    /** Hears soon after something happened, and when the connection is back. Returns the way to stop. */
    listen(listener: () => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The page's stream of events. */
export const live = createLive();
