/**
 * The small parts that pages are made of.
 *
 * @module
 */
import { type Child, type PropsWithChildren, useEffect, useState } from "hono/jsx/dom";
import type { ApiError } from "./api.ts";
import { shortId, showAgo, showFullTime, showTime } from "./format.ts";
import { useServices } from "./services.ts";
import { TEXTS } from "./texts/mod.ts";

type Tone = "good" | "bad" | "warn" | "busy" | "plain";

const TONES: Readonly<Record<string, Tone>> = {
  ok: "good",
  done: "good",
  ready: "good",
  sent: "good",
  active: "good",
  holds: "good",
  enabled: "good",
  error: "bad",
  broken: "bad",
  failing: "bad",
  unhealthy: "bad",
  dead: "bad",
  failed: "bad",
  timeout: "bad",
  refused: "warn",
  warning: "warn",
  denied: "warn",
  unknown: "warn",
  suspended: "warn",
  unanswered: "warn",
  unwatched: "warn",
  unmatched: "warn",
  not_allowed: "warn",
  rate_limited: "warn",
  invalid_args: "warn",
  blocked: "warn",
  running: "busy",
  open: "busy",
  starting: "busy",
  queued: "busy",
  spawning: "busy",
  restarting: "busy",
};

/** A state as a word with a mark; the colour only repeats what the word says. */
export function Badge({ state, label }: { state: string; label?: string | undefined }) {
  return (
    <span class={`badge ${TONES[state] ?? "plain"}`}>
      {label ?? TEXTS.states[state] ?? state}
    </span>
  );
}

/** A link within the console. */
export function Link(
  { to, children, ...rest }: PropsWithChildren<
    {
      to: string;
      class?: string;
      "data-row"?: boolean;
      "aria-label"?: string;
      "aria-current"?: "page" | undefined;
    }
  >,
) {
  const { router } = useServices();
  function follow(event: MouseEvent): void {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    router.go(to);
  }
  return <a href={to} onClick={follow} {...rest}>{children}</a>;
}

/** How long ago something was; pointing at it tells when. With `isExact` both are said. */
export function Time({ atMs, isExact = false }: { atMs: number; isExact?: boolean }) {
  const { clock } = useServices();
  const [ago, setAgo] = useState(showAgo(atMs, Date.now()));
  useEffect(() => {
    const look = (): void => setAgo(showAgo(atMs, Date.now()));
    look();
    return clock.subscribe(look);
  }, [atMs]);
  return (
    <time datetime={new Date(atMs).toISOString()} title={showFullTime(atMs)}>
      {isExact ? `${showTime(atMs)} (${ago})` : ago}
    </time>
  );
}

/** An id, cut to what tells it from its neighbours. */
export function Id({ id }: { id: string }) {
  return <code class="id" title={id}>{shortId(id)}</code>;
}

/** A command to try, with a way to take it along. */
export function Command({ text }: { text: string }) {
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return undefined;
    const timer = setTimeout(() => setCopied(false), 2_000);
    return () => clearTimeout(timer);
  }, [isCopied]);
  return (
    <div class="command">
      <code>{text}</code>
      <button
        type="button"
        class="quiet"
        onClick={() => void navigator.clipboard?.writeText(text).then(() => setCopied(true))}
      >
        {isCopied ? TEXTS.copied : TEXTS.copy}
      </button>
    </div>
  );
}

/** What stands where there is nothing yet, and how to get something there. */
export function Empty({ title, children }: PropsWithChildren<{ title: string }>) {
  return (
    <section class="empty">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** Something is on its way. */
export function Loading({ label = TEXTS.loading }: { label?: string }) {
  return <p class="loading" role="status">{label}</p>;
}

/** A failure in words, and what happens or can be done about it. */
export function Failure({ error, onRetry }: { error: ApiError; onRetry?: () => void }) {
  return (
    <div class="note bad" role="alert">
      <p>{TEXTS.failed[error.kind](error.message)}</p>
      {onRetry !== undefined && error.kind !== "signed_out"
        ? <button type="button" onClick={onRetry}>{TEXTS.tryAgain}</button>
        : null}
    </div>
  );
}

/** A page's title, what it is for, and what can be done on it. */
export function PageHead(
  { title, intro, children }: PropsWithChildren<{ title: string; intro?: string }>,
) {
  useEffect(() => {
    document.title = `${title} · ${TEXTS.product}`;
  }, [title]);
  return (
    <header class="page-head">
      <div>
        <h1>{title}</h1>
        {intro === undefined ? null : <p class="muted">{intro}</p>}
      </div>
      <div class="actions">{children}</div>
    </header>
  );
}

/** Names and values. */
export function Facts({ items }: { items: readonly (readonly [string, Child] | null)[] }) {
  return (
    <dl class="facts">
      {items.filter((item) => item !== null).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

/** Any JSON, readable; it scrolls by keyboard, too. */
export function Json({ value, label }: { value: unknown; label: string }) {
  const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
  return <pre class="json" tabindex={0} role="region" aria-label={label}>{text}</pre>;
}
