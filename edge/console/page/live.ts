/**
 * The one live connection of the page, and what it has brought.
 *
 * @module
 */
import type { AgentEvent } from "../../../core/contract/mod.ts";
import { type FirehoseClient, type FirehoseState, openFirehose } from "../../client/firehose.ts";
import type { Api } from "./api.ts";
import { createFlow, type FlowCard } from "./flow.ts";
import { createStore, type Store } from "./store.ts";

/** What is live. */
export interface Live {
  readonly connection: Store<FirehoseState>;
  readonly cards: Store<readonly FlowCard[]>;
  /** Whether what happened before this page was opened is here. */
  readonly past: Store<"loading" | "loaded" | "failed">;
  /** Hears of every event and, with undefined, of times when some may have been missed. */
  readonly listen: (listener: (event: AgentEvent | undefined) => void) => () => void;
  /** Connects, going on where an earlier connection ended. */
  readonly open: () => void;
  readonly close: () => void;
}

/** Events of the past that are read for a start. */
const PAST_EVENTS = 500;
const PAST_AGAIN_MS = 3_000;

/** Builds it, not connected. `onLost` hears when a connection ended. */
export function createLive({ api, onLost }: { api: Api; onLost: () => void }): Live {
  const flow = createFlow();
  const connection = createStore<FirehoseState>({ kind: "closed" });
  const cards = createStore<readonly FlowCard[]>([]);
  const past = createStore<"loading" | "loaded" | "failed">("loading");
  const listeners = new Set<(event: AgentEvent | undefined) => void>();
  let client: FirehoseClient | undefined;
  let cursor: string | undefined;
  let isDrawing = false;

  /** Many events may come at once; the page is drawn once for all of them. */
  function draw(): void {
    if (isDrawing) return;
    isDrawing = true;
    // Frames stop in a page that is not shown; its title must still be right.
    const next = document.visibilityState === "hidden" ? setTimeout : requestAnimationFrame;
    next(() => {
      isDrawing = false;
      cards.set(flow.cards());
    });
  }

  function tell(event: AgentEvent | undefined): void {
    for (const listener of listeners) listener(event);
  }

  async function readPast(): Promise<void> {
    try {
      const page = await api.call<{ events: AgentEvent[] }>("events/list", { limit: PAST_EVENTS });
      for (const event of page.events) flow.add(event);
      cards.set(flow.cards());
      past.set("loaded");
    } catch {
      // Whatever it was is told by the connection, which is asked for the same daemon.
      if (past.get() === "loading") past.set("failed");
      if (client !== undefined) setTimeout(() => void readPast(), PAST_AGAIN_MS);
    }
  }

  function onState(state: FirehoseState): void {
    connection.set(state);
    if (state.kind === "open") {
      if (past.get() !== "loaded") void readPast();
      tell(undefined);
    } else if (state.kind === "waiting") onLost();
  }

  return {
    connection,
    cards,
    past,
    listen(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    open() {
      cursor = client?.cursor() ?? cursor;
      client?.close();
      client = openFirehose({
        url: `${location.origin}/console/firehose`,
        ...(cursor === undefined ? {} : { since: cursor }),
        onEvent(event) {
          flow.add(event);
          draw();
          tell(event);
        },
        onGap({ from, to }) {
          flow.addGap(`${from}-${to}`, Date.now());
          draw();
          void readPast();
          tell(undefined);
        },
        onState,
      });
    },
    close() {
      cursor = client?.cursor() ?? cursor;
      client?.close();
      client = undefined;
    },
  };
}
