/**
 * What this browser remembers of its user's taste.
 *
 * @module
 */
import { createStore, type Store } from "./store.ts";

/** `system` follows the browser. */
export type Theme = "system" | "light" | "dark";

/** Preferences, kept in the browser where it lets us. */
export interface Preferences {
  readonly theme: Store<Theme>;
  /** Whether single keys do things. */
  readonly shortcuts: Store<"on" | "off">;
}

const THEMES: readonly Theme[] = ["system", "light", "dark"];

/** Reads the preferences and puts the theme in force. */
export function createPreferences(): Preferences {
  const theme = kept<Theme>("nexo.theme", THEMES, "system");
  const apply = (): void => {
    if (theme.get() === "system") delete document.documentElement.dataset["theme"];
    else document.documentElement.dataset["theme"] = theme.get();
  };
  theme.subscribe(apply);
  apply();
  return { theme, shortcuts: kept("nexo.shortcuts", ["on", "off"], "on") };
}

/** The theme after this one. */
export function nextTheme(theme: Theme): Theme {
  return THEMES[(THEMES.indexOf(theme) + 1) % THEMES.length] ?? "system";
}

function kept<T extends string>(name: string, values: readonly T[], initial: T): Store<T> {
  const store = createStore(values.find((one) => one === read(name)) ?? initial);
  store.subscribe(() => write(name, store.get()));
  return store;
}

// Browsers that keep nothing for pages throw at the mention of it; then it lasts as long as the page.
function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    return;
  }
}
