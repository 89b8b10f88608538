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
    });
    const end = (why: string): void => void request.destroy(new Error(why));
    const late = setTimeout(() => end(`no answer in ${limitMs} ms`), limitMs);
    const follow = (): void => end("the watch ended");
    signal.addEventListener("abort", follow, { once: true });
    if (signal.aborted) follow();
    request.on("response", (response) => {
      const { statusCode = 0 } = response;
      response.on("error", () => undefined);
      resolve(statusCode >= 200 && statusCode < 300 ? null : `it answered ${statusCode}`);
      // Its status is all that counts, however long its body is.
      response.destroy();
    });
    request.on("error", (error) => resolve(messageOf(error)));
    request.on("close", () => {
      clearTimeout(late);
      signal.removeEventListener("abort", follow);
    });
  });
}
