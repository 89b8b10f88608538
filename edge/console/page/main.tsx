/**
 * The console's page: builds what is behind it, then draws.
 *
 * @module
 */
import { render } from "hono/jsx/dom";
import { createApi } from "./api.ts";
import { App } from "./app.tsx";
import { createLive } from "./live.ts";
import { createPreferences } from "./preferences.ts";
import { createRouter } from "./router.ts";
import { ServicesContext } from "./services.ts";
import { createSessionDesk } from "./session.ts";
import { linkProblem } from "./sign_in.tsx";
import { createStore } from "./store.ts";

const CLOCK_MS = 5_000;

const api = createApi({ onSignedOut: () => void session.check() });
const session = createSessionDesk({ api: () => api, linkProblem });
const live = createLive({ api, onLost: () => void session.check() });
const preferences = createPreferences();
const router = createRouter();
const clock = createStore(Date.now());
setInterval(() => clock.set(Date.now()), CLOCK_MS);

// Whoever is in listens; whoever is not, must not.
session.state.subscribe(() => session.state.get().kind === "in" ? live.open() : live.close());
addEventListener("hashchange", () => void session.start());
void session.start();

const root = document.getElementById("console");
if (root === null) throw new TypeError("Cannot draw: the page has no place for the console");
render(
  <ServicesContext.Provider value={{ api, session, live, router, preferences, clock }}>
    <App />
  </ServicesContext.Provider>,
  root,
);
