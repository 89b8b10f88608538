/**
 * Walks chains on a thread of its own.
 *
 * @module
 */
import { CodedError } from "../contract/mod.ts";
import { startThread } from "../flow/thread.ts";
import type { ChainQuery, ChainReport, OnRows } from "./chain.ts";
import type { VerifyReply } from "./verify_protocol.ts";

/**
 * Verifies chains of the database at `url`, in the order given; see `verifyChain`.
 *
 * @throws {CodedError} what reading throws, `internal` when the thread ends before it is done
 */
export function verifyChainsAside(
  url: string,
  queries: readonly ChainQuery[],
  onRows: OnRows = () => undefined,
): Promise<readonly ChainReport[]> {
  const thread = startThread(import.meta.url, "verify_worker", { url });
  return new Promise((resolve, reject) => {
    thread.on("message", (reply: VerifyReply) => {
      if ("rows" in reply) onRows(reply.rows);
      else if ("reports" in reply) resolve(reply.reports);
      else reject(new CodedError(reply.error.code, reply.error.message));
    });
    thread.on("error", (cause) => {
      reject(new CodedError("internal", "Cannot verify: the thread failed", { cause }));
    });
    thread.on("exit", () => {
      reject(new CodedError("internal", "Cannot verify: the thread ended"));
    });
    thread.postMessage(queries);
  });
}
