/**
 * Single-key shortcuts; they can be switched off, and never get in the way of typing.
 *
 * @module
 */
import { pathTo, type Router } from "./router.ts";
import type { PageName } from "./router.ts";
import { nextTheme, type Preferences } from "./preferences.ts";

/** `g` and then one of these goes to a page. */
export const GO_KEYS: Readonly<Record<string, PageName>> = {
  l: "live",
  d: "deliveries",
  t: "turns",
  n: "tenants",
  c: "channels",
  m: "microapps",
  e: "events",
  a: "audit",
  h: "health",
};

const GO_WITHIN_MS = 1_500;

/** What the shortcuts act on. */
export interface KeyDeps {
  readonly router: Router;
  readonly preferences: Preferences;
  readonly showHelp: () => void;
}

/** Listens to keys; returns the way to stop. */
export function listenToKeys({ router, preferences, showHelp }: KeyDeps): () => void {
  let goUntilMs = 0;
  const acts: Readonly<Record<string, () => boolean>> = {
    "/": () => focus(document.querySelector<HTMLElement>("[data-filter]")),
    "?": () => (showHelp(), true),
    "j": () => moveRow(1),
    "k": () => moveRow(-1),
    "p": () => press(document.querySelector<HTMLElement>("[data-pause]")),
    "c": () => (preferences.theme.set(nextTheme(preferences.theme.get())), true),
    "g": () => (goUntilMs = Date.now() + GO_WITHIN_MS, true),
  };

  function onKey(event: KeyboardEvent): void {
    if (preferences.shortcuts.get() === "off" || isTaken(event)) return;
    const page = Date.now() < goUntilMs ? GO_KEYS[event.key] : undefined;
    goUntilMs = 0;
    if (page !== undefined) {
      router.go(pathTo(page));
      event.preventDefault();
    } else if (acts[event.key]?.() === true) event.preventDefault();
  }
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}

function isTaken({ target, ctrlKey, metaKey, altKey, defaultPrevented }: KeyboardEvent): boolean {
  if (ctrlKey || metaKey || altKey || defaultPrevented) return true;
  if (document.querySelector("dialog[open]") !== null) return true;
  return target instanceof HTMLElement &&
    (target.isContentEditable || /^(?:INPUT|SELECT|TEXTAREA)$/.test(target.tagName));
}

function focus(element: HTMLElement | null): boolean {
  element?.focus();
  return element !== null;
}

function press(element: HTMLElement | null): boolean {
  element?.click();
  return element !== null;
}

/** Rows are links marked `data-row`; the focus itself is the place. */
function moveRow(step: 1 | -1): boolean {
  const rows = [...document.querySelectorAll<HTMLElement>("[data-row]")];
  const at = rows.findIndex((row) => row === document.activeElement);
  const next = at < 0 ? 0 : Math.min(rows.length - 1, Math.max(0, at + step));
  rows[next]?.scrollIntoView({ block: "nearest" });
  return focus(rows[next] ?? null);
}
