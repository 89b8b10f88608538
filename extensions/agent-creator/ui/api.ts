/**
 * Asking the microapp, from below its own address.
 *
 * @module
 */
import { connection } from "./connection.ts";

/** What went wrong, in words for people. */
export class ApiError extends Error {
  /** The HTTP status; 0 while the server is away, which passes. */
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/**
 * How long something that changes things is tried while the server is away: twice the rest that nexo
 * gives a microapp which ended too often. Later than that it might surprise whoever did it.
 */
const TRY_FOR_MS = 600_000;
/** Between two tries. */
const AGAIN_MS = 1_000;
const UNKNOWN =
  "The server has been away for ten minutes. Look whether this was done before you do it again.";

/**
 * Asks `api/<path>`. What changes something is tried until the server is back: each try carries the same
 * key, so that it is done once.
 *
 * @throws {ApiError}
 */
export async function ask<T>(
  path: string,
  { method = "GET", body, signal }: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  const headers = {
    ...(body === undefined ? {} : { "content-type": "application/json" }),
    ...(method === "GET" ? {} : { "idempotency-key": newKey() }),
  };
  const request: RequestInit = {
    method,
    headers,
    ...(signal === undefined ? {} : { signal }),
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
  const untilMs = Date.now() + TRY_FOR_MS;
  for (;;) {
    try {
      return await askOnce<T>(path, request);
    } catch (error) {
      const isAway = error instanceof ApiError && error.status === 0;
      if (!isAway || method === "GET") throw error;
      if (Date.now() >= untilMs) throw new ApiError(0, UNKNOWN);
      await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
    }
  }
}

async function askOnce<T>(path: string, request: RequestInit): Promise<T> {
  let response: Response;
  try {
    response = await fetch(new URL(`api/${path}`, document.baseURI), request);
  } catch (error) {
    if (request.signal?.aborted === true) throw error;
    throw away();
  }
  // Whatever stands between answers so while the microapp starts again.
  if (response.status >= 502 && response.status <= 504) throw away();
  connection.found();
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const answer = await response.json().catch(() => ({})) as { error?: unknown };
  const said = typeof answer.error === "string"
    ? answer.error
    : `The server said ${response.status}. Try again; if it stays so, ask whoever runs it.`;
  throw new ApiError(response.status, said);
}

function away(): ApiError {
  connection.lost();
  return new ApiError(0, "The server cannot be reached. Look whether it runs, then try again.");
}

/** `crypto.randomUUID` is there on secure origins only. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
