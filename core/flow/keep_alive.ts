/**
 * How long servers keep connections that rest.
 *
 * @module
 */

/**
 * Milliseconds; longer than proxies and clients keep them: who closes one first must be the one that sends
 * on it, or a request meets a connection that has just been closed.
 */
export const KEEP_ALIVE_MS = 75_000;
