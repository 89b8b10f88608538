/**
 * What both limiters are asked: how many keys there are, and how much each allows.
 *
 * @module
 */

/** Tenants, each with a count of its own. */
export const KEYS = 1_000;

/** Calls of each in a day: more than are made, so that every call is allowed. */
export const POINTS = 1_000_000;
export const DAY_SECONDS = 86_400;
