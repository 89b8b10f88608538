/**
 * The page's way to core: admin calls under the session's cookie.
 *
 * @module
 */

/** Why a call failed, as far as the page acts on it. */
export type FailureKind = "signed_out" | "unreachable" | "refused";

/** A call that failed; the message is for people. */
export class ApiError extends Error {
  override readonly name = "ApiError";
  /** What to do about it. */
  readonly kind: FailureKind;
  /** The code of edge or core, when it sent one. */
  readonly code: string;

  /** `message` says what is wrong in a sentence. */
  constructor(kind: FailureKind, code: string, message: string) {
    super(message);
    this.kind = kind;
    this.code = code;
  }
}

/** Calls to edge and core. Every one rejects with an {@linkcode ApiError}, or the signal's reason. */
export interface Api {
  /** An operator method, by the part after `nexo/operator/`. */
  readonly call: <T>(method: string, params?: object, signal?: AbortSignal) => Promise<T>;
  /** A request below `/console`. */
  readonly request: <T>(
    method: "GET" | "POST" | "DELETE",
    path: string,
    body?: object,
    signal?: AbortSignal,
  ) => Promise<T>;
}

interface RpcAnswer<T> {
  readonly result?: T;
  readonly error?: { readonly message: string; readonly data?: { readonly code?: string } };
}

/** Builds the way; `onSignedOut` hears when the edge does not know the session any more. */
export function createApi({ onSignedOut }: { onSignedOut: () => void }): Api {
  const request: Api["request"] = async (method, path, body, signal) => {
    const response = await fetch(`/console/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      headers: body === undefined ? {} : { "content-type": "application/json" },
      cache: "no-store",
      redirect: "error",
      signal: signal ?? null,
    }).catch((error: unknown) => {
      if (signal?.aborted === true) throw error;
      throw new ApiError("unreachable", "edge_unreachable", "The edge does not answer");
    });
    if (response.ok) return await readJson(response) as never;
    throw failureOf(response.status, await readJson(response));
  };

  return {
    request,
    async call<T>(method: string, params: object = {}, signal?: AbortSignal): Promise<T> {
      const call = { jsonrpc: "2.0", id: 1, method: `nexo/operator/${method}`, params };
      try {
        const { result, error } = await request<RpcAnswer<T>>("POST", "rpc", call, signal);
        if (error === undefined) return result as T;
        const code = error.data?.code ?? "internal";
        throw new ApiError("refused", code, error.message.replace(/^(?:[a-z_]+: )+/, ""));
      } catch (error) {
        if (error instanceof ApiError && error.kind === "signed_out") onSignedOut();
        throw error;
      }
    },
  };
}

function failureOf(status: number, body: unknown): ApiError {
  const { error } = (body ?? {}) as { error?: { code?: string; message?: string } };
  const code = error?.code ?? `http_${status}`;
  const message = error?.message ?? `The edge answered ${status}`;
  if (status === 401) return new ApiError("signed_out", code, message);
  return new ApiError(status >= 500 || status === 429 ? "unreachable" : "refused", code, message);
}

async function readJson(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    // A proxy's own page, for example; the status says enough.
    return undefined;
  }
}
