/**
 * The verifying thread's entry: hashing a long chain must not keep the event loop from anything.
 *
 * @module
 */
import { parentPort, workerData } from "node:worker_threads";
import { codeOf, messageOf } from "../contract/mod.ts";
import { createReader } from "../store/reader.ts";
import type { Row, Value } from "../store/store.ts";
import { type ChainReport, verifyChain } from "./chain.ts";
import type { VerifyCall, VerifyReply } from "./verify_protocol.ts";

const port = parentPort;
if (port === null) throw new TypeError("Cannot start the verifier: not in a worker thread");

const reader = createReader((workerData as { url: string }).url, "worker");
const read = <T extends Row>(sql: string, args: readonly Value[] = []) =>
  reader.read(sql, args) as Promise<T[]>;
const reply = (message: VerifyReply): void => port.postMessage(message);

async function verifyAll(queries: VerifyCall): Promise<ChainReport[]> {
  const reports: ChainReport[] = [];
  let before = 0;
  for (const query of queries) {
    const report = await verifyChain({ read, readMany: read }, query, (rows) => {
      reply({ rows: before + rows });
    });
    before += report.rows;
    reports.push(report);
  }
  return reports;
}

port.once("message", (queries: VerifyCall) => {
  verifyAll(queries)
    .then(
      (reports) => reply({ reports }),
      (error: unknown) => reply({ error: { code: codeOf(error), message: messageOf(error) } }),
    )
    .finally(() => {
      reader.close();
      port.close();
    });
});
