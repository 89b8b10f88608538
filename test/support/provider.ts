/**
 * Requests as a webhook provider sends them, headers exactly as given.
 *
 * @module
 */
import { Agent, request } from "node:http";

/** What is sent; a header with several values is sent as several lines. */
export interface ProviderRequest {
  readonly body: Uint8Array | string;
  readonly headers: Readonly<Record<string, string | string[]>>;
}

/** A provider with a few connections that stay open. Disposing closes them. */
export interface Provider extends Disposable {
  /** Resolves with the status; rejects when the connection fails before one came. */
  readonly post: (url: string, sent: ProviderRequest) => Promise<number>;
}

/** Opens a provider with at most `connections` requests under way. */
export function openProvider({ connections = 16 }: { connections?: number } = {}): Provider {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  return {
    post: (url, { body, headers }) =>
      new Promise((resolve, reject) => {
        const sending = request(url, { method: "POST", agent, headers }, (response) => {
          response.resume();
          response.once("error", reject);
          response.once("end", () => resolve(response.statusCode ?? 0));
        });
        sending.once("error", reject);
        sending.end(body);
      }),
    [Symbol.dispose]: () => agent.destroy(),
  };
}
