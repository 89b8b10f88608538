/**
 * Whether what is on the screen is what is.
 *
 * @module
 */
import { useServices } from "./services.ts";
import { useStore } from "./store.ts";
import { TEXTS } from "./texts/mod.ts";

/** The state of the live connection in two words, told to screen readers when it changes. */
export function ConnectionPill() {
  const { live } = useServices();
  const state = useStore(live.connection);
  const text = state.kind === "waiting"
    ? TEXTS.connection.waiting(Math.max(1, Math.round(state.retryInMs / 1000)))
    : TEXTS.connection[state.kind];
  return <p class={`pill ${state.kind}`} role="status" data-connection={state.kind}>{text}</p>;
}

/** Above the page while the connection is lost. */
export function ConnectionNote() {
  const { live } = useServices();
  const state = useStore(live.connection);
  if (state.kind !== "waiting") return null;
  return (
    <div class="note warn">
      <p>{TEXTS.connection.lost}</p>
      <button type="button" onClick={live.open}>{TEXTS.connection.retry}</button>
    </div>
  );
}
