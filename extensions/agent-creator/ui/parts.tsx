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
  { title, aside, children }: PropsWithChildren<{
    title: string;
    /** Beside the heading. */
    aside?: ComponentChildren;
  }>,
) {
  return (
    <section class="card" aria-label={title}>
      <header>
        <h2>{title}</h2>
        {aside}
      </header>
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

/** Something that is so or not. */
export function Check(
  { name, label, hint, isOn = false }: {
    name: string;
    label: string;
    hint?: string;
    isOn?: boolean;
  },
) {
  return (
    <label class="check">
      <input type="checkbox" name={name} defaultChecked={isOn} />
      <span>
        {label}
        {hint === undefined ? null : <small>{hint}</small>}
      </span>
    </label>
  );
}

/** A state in one word. */
export function Badge(
  { tone, children }: PropsWithChildren<{ tone: "good" | "warn" | "plain" | "here" }>,
) {
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

/** A contact: its name where there is one, and its id in any case, for names are not unique. */
export function Who(
  { contact, name, channel }: {
    contact: string;
    name?: string | null | undefined;
    channel: string;
  },
) {
  return (
    <span class="contact">
      <strong title={contact}>{name ?? shortId(contact)}</strong>
      <span>{name == null ? channel : `${channel} · ${shortId(contact)}`}</span>
    </span>
  );
}

/** An id, without the middle of a long one. */
export function shortId(id: string): string {
  return id.length <= 20 ? id : `${id.slice(0, 12)}…${id.slice(-4)}`;
}

/** A button that says when its work is under way. */
export function Button(
  { isBusy, label, children, ...given }: PropsWithChildren<{
    isBusy: boolean;
    /** What a screen reader says, where the text alone does not tell which of several it is. */
    label?: string;
    type?: "submit" | "button";
    class?: string;
    onClick?: () => void;
  }>,
) {
  return (
    <button type="submit" {...given} aria-label={label} disabled={isBusy} aria-busy={isBusy}>
      {children}
    </button>
  );
}

/** Says that something is on its way. */
export function Waiting({ text = "Loading …" }: { text?: string }) {
  return <p class="empty waiting" role="status">{text}</p>;
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
