/**
 * Every text of the page, a file for each part of it, for whoever translates it.
 *
 * @module
 */
import { AUDIT } from "./audit.ts";
import { CHANNELS } from "./channels.ts";
import { DELIVERIES } from "./deliveries.ts";
import { EVENTS } from "./events.ts";
import { FRAME } from "./frame.ts";
import { HEALTH } from "./health.ts";
import { LIVE } from "./live.ts";
import { MICROAPPS } from "./microapps.ts";
import { SIGN_IN } from "./sign_in.ts";
import { STATES } from "./states.ts";
import { TENANTS } from "./tenants.ts";
import { TURNS } from "./turns.ts";

/** The texts, by where they stand. */
export const TEXTS = {
  ...FRAME,
  ...STATES,
  ...SIGN_IN,
  ...LIVE,
  ...DELIVERIES,
  ...TURNS,
  ...TENANTS,
  ...CHANNELS,
  ...MICROAPPS,
  ...EVENTS,
  ...AUDIT,
  ...HEALTH,
} as const;
