/**
 * What happens to the tenant that is shown, over one connection for the whole page.
 *
 * @module
 */

/** The events after which answers are old. */
const KINDS = [
  "ready",
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

function createLive() {
  const listeners = new Set<() => void>();
  let source: EventSource | undefined;
  let followed: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  function soon(): void {
    timer ??= setTimeout(() => {
      timer = undefined;
      for (const listener of listeners) listener();
    }, SETTLE_MS);
  }

  return {
    /** Follows a tenant in place of the one before; the browser reconnects by itself. */
    follow(account: string | undefined): void {
      if (account === followed) return;
      source?.close();
      source = undefined;
      followed = account;
      if (account === undefined) return;
      const path = `api/tenants/${encodeURIComponent(account)}/events`;
      source = new EventSource(new URL(path, document.baseURI));
      for (const kind of KINDS) source.addEventListener(kind, soon);
    },
    /** Hears soon after something happened, and when the connection is back. Returns the way to stop. */
    listen(listener: () => void): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

/** The page's connection. */
export const live = createLive();
