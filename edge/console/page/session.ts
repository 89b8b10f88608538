/**
 * Who is signed in, and how one gets in and out.
 *
 * @module
 */
import { type Api, ApiError } from "./api.ts";
import { createStore, type Store } from "./store.ts";

/** What the page knows of its session. */
export type SessionState =
  | { readonly kind: "asking" }
  /** The edge does not answer; asked again soon. */
  | { readonly kind: "unreachable" }
  | { readonly kind: "out"; readonly problem: string | null }
  | { readonly kind: "in"; readonly subject: string; readonly expiresAtMs: number }
  /** It ended under an open page, which stays as it is until somebody signs in again. */
  | { readonly kind: "ended"; readonly subject: string };

/** The session of this browser. */
export interface SessionDesk {
  readonly state: Store<SessionState>;
  /** Takes the ticket of the address, or else asks who is signed in. */
  readonly start: () => Promise<void>;
  /** @throws {ApiError} */
  readonly signIn: (proof: { ticket: string } | { token: string }) => Promise<void>;
  /** @throws {ApiError} */
  readonly signOut: () => Promise<void>;
  /** Asks the edge whether the session still stands. */
  readonly check: () => Promise<void>;
  readonly ended: () => void;
}

interface Known {
  readonly subject: string;
  readonly expires_at_ms: number;
}

const ASK_AGAIN_MS = 2_000;
/** Timers cannot wait longer. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Builds the desk. `linkProblem` words why a link did not work. */
export function createSessionDesk(
  { api, linkProblem }: { api: () => Api; linkProblem: (error: ApiError) => string },
): SessionDesk {
  const state = createStore<SessionState>({ kind: "asking" });
  let timer: ReturnType<typeof setTimeout> | undefined;

  function enter({ subject, expires_at_ms: expiresAtMs }: Known): void {
    clearTimeout(timer);
    timer = setTimeout(ended, Math.min(MAX_TIMER_MS, Math.max(0, expiresAtMs - Date.now())));
    const known = state.get();
    if (known.kind === "in" && known.expiresAtMs === expiresAtMs) return;
    state.set({ kind: "in", subject, expiresAtMs });
  }

  function ended(): void {
    const known = state.get();
    if (known.kind === "in") state.set({ kind: "ended", subject: known.subject });
  }

  async function signIn(proof: { ticket: string } | { token: string }): Promise<void> {
    enter(await api().request<Known>("POST", "session", proof));
  }

  async function check(): Promise<void> {
    try {
      enter(await api().request<Known>("GET", "session"));
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      const { kind } = state.get();
      if (error.kind === "signed_out") {
        if (kind === "in" || kind === "ended") ended();
        else state.set({ kind: "out", problem: null });
      } else if (kind === "asking" || kind === "unreachable") {
        state.set({ kind: "unreachable" });
        setTimeout(() => void check(), ASK_AGAIN_MS);
      }
    }
  }

  async function start(): Promise<void> {
    const ticket = takeTicket();
    if (ticket === undefined) return check();
    try {
      await signIn({ ticket });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      // Somebody who is signed in already may have followed an old link.
      await check();
      if (state.get().kind !== "in") state.set({ kind: "out", problem: linkProblem(error) });
    }
  }

  return {
    state,
    start,
    signIn,
    check,
    ended,
    async signOut() {
      await api().request("DELETE", "session");
      clearTimeout(timer);
      state.set({ kind: "out", problem: null });
    },
  };
}

/** The ticket in the address, which is then gone from the address bar and from history. */
function takeTicket(): string | undefined {
  const ticket = new URLSearchParams(location.hash.slice(1)).get("ticket");
  if (ticket === null) return undefined;
  history.replaceState(null, "", location.pathname + location.search);
  return ticket;
}
