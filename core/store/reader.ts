/**
 * Reads on one connection, which is replaced after any failure.
 *
 * @module
 */
import type { Client } from "@libsql/client";

import { backoffMs } from "../flow/backoff.ts";
import { delay } from "../flow/delay.ts";
import { failureOf, openReading, type Role, rowsOf, storeError } from "./connection.ts";
import { argsOf } from "./database.ts";
import type { Row, Value } from "./store.ts";

/** Tries in all; a log in use by nobody else is locked for a moment at most. */
const ATTEMPTS = 6;

const BUSY_BACKOFF = { firstMs: 5, maxMs: 200 };

/** Reads committed rows. */
export interface Reader {
  /** @throws {CodedError} `store_busy`, `store_full`, or `internal` for wrong SQL */
  read(sql: string, args: readonly Value[]): Promise<Row[]>;
  close(): void;
}

/**
 * Makes a reader that connects with its first read. A failed statement may keep its view of the
 * past, hence the new connection after it.
 */
export function createReader(url: string, role: Role): Reader {
  let client: Client | undefined;

  function drop(): void {
    client?.close();
    client = undefined;
  }

  return {
    async read(sql, args) {
      for (let failures = 1;; failures++) {
        try {
          client ??= await openReading(url, role);
          return rowsOf(await client.execute({ sql, args: argsOf([args]) }));
        } catch (error) {
          drop();
          if (failureOf(error) !== "busy" || failures === ATTEMPTS) throw storeError("read", error);
          await delay(backoffMs(failures, BUSY_BACKOFF));
        }
      }
    },
    close: drop,
  };
}
