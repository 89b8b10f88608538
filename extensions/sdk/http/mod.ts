/**
 * Serve pages and calls from a microapp, below `/apps/<id>/` of every edge.
 *
 * @module
 */

export { Hono } from "hono";
export type { AdminProxyOptions } from "./admin_proxy.ts";
export type { CallerEnv, HttpCaller } from "./callers.ts";
export { createEventLog, type EventLog, type HttpEvent, type LoggedEvent } from "./event_log.ts";
export type { Hop } from "./hop.ts";
export type { SecurityOptions } from "./security.ts";
export { type HttpKit, serveHttp, type ServeHttpOptions } from "./serve_http.ts";
export type { Session } from "./sessions.ts";
export type { StreamOptions } from "./sse.ts";
export type { StaticOptions } from "./static_files.ts";
