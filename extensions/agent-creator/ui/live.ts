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
  "presence",
];
/** Events come in swarms; answers are asked for once after each. */
const SETTLE_MS = 200;
const AGAIN_MS = 1_000;

/** What a page shows. */
interface Followed {
  readonly account: string;
  /** The conversation that is open; colleagues are told. */
  readonly session?: string | undefined;
}

/** Hears that something of `kinds` happened; undefined stands for anything. */
type Listener = (kinds: ReadonlySet<string> | undefined) => void;

function createLive() {
  const listeners = new Set<Listener>();
  let source: EventSource | undefined;
  let followed = "";
  let happened: Set<string> | undefined = new Set();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reopening: ReturnType<typeof setTimeout> | undefined;

  function soon(kind?: string): void {
    if (kind === undefined) happened = undefined;
    else happened?.add(kind);
    timer ??= setTimeout(() => {
      timer = undefined;
      const kinds = happened;
      happened = new Set();
      for (const listener of listeners) listener(kinds);
    }, SETTLE_MS);
  }

  function open(path: string): void {
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
      reopening = setTimeout(() => open(path), AGAIN_MS);
      // A question tells whether the session is over.
      soon();
    });
    for (const kind of KINDS) {
      opened.addEventListener(kind, () => soon(kind === "gap" ? undefined : kind));
    }
  }

  return {
    /** Follows a tenant in place of the one before, until there is another. */
    follow(shown: Followed | undefined): void {
      const path = shown === undefined ? "" : pathOf(shown);
      if (path === followed) return;
      source?.close();
      clearTimeout(reopening);
      source = undefined;
      followed = path;
      if (path !== "") open(path);
    },
    /** Hears soon after something happened, and when the connection is back. Returns the way to stop. */
    listen(listener: Listener): () => void {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
}

function pathOf({ account, session }: Followed): string {
  const path = `api/tenants/${encodeURIComponent(account)}/events`;
  return session === undefined ? path : `${path}?conversation=${encodeURIComponent(session)}`;
}

/** The page's stream of events. */
export const live = createLive();
