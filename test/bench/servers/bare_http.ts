/**
 * The least that verifies a webhook: Node's own server and one HMAC, no gate beside it.
 *
 * @module
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { benchGone, sayReady } from "./talk.ts";
import { isSigned } from "./webhook_check.ts";

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    response.writeHead(isSigned(request.headers, Buffer.concat(chunks)) ? 204 : 401).end();
  });
}).listen(0, "127.0.0.1");
await once(server, "listening");
sayReady({ port: (server.address() as AddressInfo).port });
await benchGone();
server.close();
server.closeAllConnections();
