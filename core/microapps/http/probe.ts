/**
 * One look at whether an HTTP server is well.
 *
 * @module
 */
import { get } from "node:http";
import { messageOf } from "../../contract/mod.ts";
import type { ServerAddress } from "./address.ts";

/** Asks once; resolves with null when the answer was any 2xx, else with why not. Never rejects. */
export function probe(
  { host, port }: ServerAddress,
  path: string,
  { limitMs, signal }: { limitMs: number; signal: AbortSignal },
): Promise<string | null> {
  return new Promise((resolve) => {
    const request = get({
      host,
      port,
      path,
      agent: false,
      headers: { "user-agent": "nexo-health" },
      signal,
    });
    const late = setTimeout(
      () => request.destroy(new Error(`no answer in ${limitMs} ms`)),
      limitMs,
    );
    request.on("response", (response) => {
      const { statusCode = 0 } = response;
      resolve(statusCode >= 200 && statusCode < 300 ? null : `it answered ${statusCode}`);
      // Its status is all that counts, however long its body is.
      response.destroy();
    });
    request.on("error", (error) => resolve(messageOf(error)));
    request.on("close", () => clearTimeout(late));
  });
}
