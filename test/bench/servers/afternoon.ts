/**
 * What a developer writes in an afternoon: Fastify, an HMAC, one durable insert per webhook.
 *
 * @module
 */
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import process from "node:process";
import { createClient } from "@libsql/client";
import { fastify } from "fastify";
import { benchGone, sayReady } from "./talk.ts";
import { isSigned } from "./webhook_check.ts";

const [dir = ""] = process.argv.slice(2);
const db = createClient({ url: `file:${join(dir, "webhooks.db")}`, concurrency: 1 });
await db.execute("PRAGMA journal_mode=WAL");
await db.execute("PRAGMA synchronous=FULL");
const durability = (await db.execute("PRAGMA synchronous")).rows[0]?.[0];
if (durability !== 2) {
  throw new Error("Cannot measure: synchronous is not FULL");
}
await db.execute(`CREATE TABLE webhooks (
  id INTEGER PRIMARY KEY, delivery_id TEXT UNIQUE, kind TEXT, body BLOB, received_at_ms INTEGER)`);

const app = fastify();
app.addContentTypeParser(
  "application/json",
  { parseAs: "buffer" },
  (_request, body, done) => done(null, body),
);
app.post<{ Body: Buffer }>("/webhooks/bench", async ({ headers, body }, reply) => {
  if (!isSigned(headers, body)) return reply.code(401).send();
  await db.execute({
    sql: `INSERT INTO webhooks (delivery_id, kind, body, received_at_ms) VALUES (?, ?, ?, ?)
      ON CONFLICT (delivery_id) DO NOTHING`,
    args: [
      String(headers["x-bench-delivery"]),
      String(headers["x-bench-event"]),
      body,
      Date.now(),
    ],
  });
  return reply.code(204).send();
});
await app.listen({ port: 0, host: "127.0.0.1" });
sayReady({ port: (app.server.address() as AddressInfo).port });
await benchGone();
app.server.closeAllConnections();
await app.close();
db.close();
