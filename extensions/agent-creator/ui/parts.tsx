/**
 * The small parts of pages.
 *
 * @module
 */
/** @jsxImportSource preact */
import type { ComponentChildren } from "preact";
import { useLost } from "./connection.ts";

type PropsWithChildren<P = unknown> = P & { children?: ComponentChildren };

/** What went wrong, announced; with a way to ask again where that may help. */
export function Problem(
  { text, onRetry }: { text: string | undefined; onRetry?: () => void },
) {
  if (text === undefined) return null;
  return (
    <div class="problem" role="alert">
      <p>{text}</p>
      {onRetry === undefined
        ? null
        : <button type="button" class="quiet" onClick={onRetry}>Try again</button>}
    </div>
  );
}

/** In the place of an answer that is not there: it is on its way, or the page says why not. */
export function Missing({ error }: { error: string | undefined }) {
  return error === undefined ? <Waiting /> : <p class="empty">Not known; see above.</p>;
}

/** A part of a page under its own heading. */
export function Section(
  { title, children }: PropsWithChildren<{ title: string }>,
) {
  return (
    <section class="card" aria-label={title}>
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** What an empty list teaches. */
export function Empty({ children }: PropsWithChildren) {
  return <p class="empty">{children}</p>;
}

/** A labelled field. */
export function Field(
  { label, hint, children }: PropsWithChildren<{ label: string; hint?: string }>,
) {
  return (
    <label class="field">
      <span>{label}</span>
      {children}
      {hint === undefined ? null : <small>{hint}</small>}
    </label>
  );
}

/** A state in one word. */
export function Badge({ tone, children }: PropsWithChildren<{ tone: "good" | "warn" | "plain" }>) {
  return <span class={`badge ${tone}`}>{children}</span>;
}

/** When something was: the time of today, the date of before; pointing at it tells exactly. */
export function When({ ms }: { ms: number | null | undefined }) {
  if (ms == null) return null;
  const date = new Date(ms);
  const isToday = date.toDateString() === new Date().toDateString();
  const text = isToday
    ? date.toLocaleTimeString(undefined, { timeStyle: "short" })
    : date.toLocaleDateString(undefined, { dateStyle: "medium" });
  return <time datetime={date.toISOString()} title={date.toISOString()}>{text}</time>;
}

/** A button that says when its work is under way. */
export function Button(
  { isBusy, children, ...given }: PropsWithChildren<{
    isBusy: boolean;
    type?: "submit" | "button";
    class?: string;
    onClick?: () => void;
  }>,
) {
  return <button type="submit" {...given} disabled={isBusy} aria-busy={isBusy}>{children}</button>;
}

/** Says that something is on its way. */
export function Waiting({ text = "Loading …" }: { text?: string }) {
  return <p class="empty" role="status">{text}</p>;
}

/** Says that the page waits for its server, and does everything by itself. */
export function LostBanner() {
  return useLost()
    ? (
      <p class="lost" role="status">
        The server is away, perhaps for a restart. Trying again; what you did is not lost.
      </p>
    )
    : null;
}
