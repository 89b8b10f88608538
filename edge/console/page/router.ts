/**
 * Addresses below `/console`: which page is shown, and with which filters.
 *
 * @module
 */
import { createStore, type Store } from "./store.ts";

/** The pages. */
export const PAGES = [
  "live",
  "deliveries",
  "turns",
  "tenants",
  "channels",
  "microapps",
  "events",
  "audit",
  "health",
] as const;
/** See {@linkcode PAGES}. */
export type PageName = typeof PAGES[number];

/** Where the page is. */
export interface Route {
  /** Undefined for an address that leads nowhere. */
  readonly page: PageName | undefined;
  /** The delivery, turn or tenant that is looked at. */
  readonly id: string | undefined;
  readonly query: Readonly<Record<string, string>>;
}

/** Moves between addresses. */
export interface Router {
  readonly route: Store<Route>;
  readonly go: (path: string) => void;
  /** Changes filters in place, without a new step in the history; empty ones go. */
  readonly filter: (changes: Readonly<Record<string, string>>) => void;
}

/** Builds the router over the window's address. */
export function createRouter(): Router {
  const route = createStore(readRoute());
  addEventListener("popstate", () => route.set(readRoute()));
  return {
    route,
    go(path) {
      if (path !== location.pathname + location.search) history.pushState(null, "", path);
      route.set(readRoute());
      scrollTo(0, 0);
    },
    filter(changes) {
      const query = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === "") query.delete(name);
        else query.set(name, value);
      }
      const text = query.toString();
      history.replaceState(null, "", location.pathname + (text === "" ? "" : `?${text}`));
      route.set(readRoute());
    },
  };
}

/** The address of a page, or of one delivery, turn or tenant. */
export function pathTo(page: PageName, id?: string): string {
  return id === undefined ? `/console/${page}` : `/console/${page}/${encodeURIComponent(id)}`;
}

function readRoute(): Route {
  const [, , name = "", id, ...more] = location.pathname.split("/");
  const page = name === "" ? "live" : PAGES.find((one) => one === name);
  return {
    page: more.length > 0 ? undefined : page,
    id: id === undefined || id === "" ? undefined : decodeURIComponent(id),
    query: Object.fromEntries(new URLSearchParams(location.search)),
  };
}
