/**
 * What the components share, handed down from the top.
 *
 * @module
 */
import { createContext, useContext } from "hono/jsx/dom";
import type { Api } from "./api.ts";
import type { Live } from "./live.ts";
import type { Preferences } from "./preferences.ts";
import type { Router } from "./router.ts";
import type { SessionDesk } from "./session.ts";
import type { Store } from "./store.ts";

/** Everything behind the pages. */
export interface Services {
  readonly api: Api;
  readonly session: SessionDesk;
  readonly live: Live;
  readonly router: Router;
  readonly preferences: Preferences;
  /** Ticks while times on the page grow older. */
  readonly clock: Store<number>;
}

/** Gives the services to everything below it. */
export const ServicesContext = createContext<Services | undefined>(undefined);

/** The services. @throws {TypeError} outside of the page */
export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === undefined) throw new TypeError("Cannot draw: there are no services");
  return services;
}
