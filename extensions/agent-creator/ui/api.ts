/**
 * Asking the microapp, from below its own address.
 *
 * @module
 */

/** What went wrong, in words for people. */
export class ApiError extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** Asks `api/<path>`. @throws {ApiError} */
export async function ask<T>(
  path: string,
  { method = "GET", body, signal }: { method?: string; body?: unknown; signal?: AbortSignal } = {},
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(new URL(`api/${path}`, document.baseURI), {
      method,
      ...(signal === undefined ? {} : { signal }),
      ...(body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
  } catch (error) {
    if (signal?.aborted === true) throw error;
    throw new ApiError(0, "The server cannot be reached. Trying again.");
  }
  if (response.ok) return (response.status === 204 ? undefined : await response.json()) as T;
  const answer = await response.json().catch(() => ({})) as { error?: unknown };
  const said = typeof answer.error === "string" ? answer.error : undefined;
  if (said !== undefined) throw new ApiError(response.status, said);
  // Whatever stands between answers without a reason while the microapp starts again.
  throw new ApiError(
    response.status >= 502 ? 0 : response.status,
    "The server is starting. Trying again.",
  );
}
