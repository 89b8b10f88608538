/**
 * What everybody writes first: `ws`, and one send for each client. Nobody is asked who they are.
 *
 * @module
 */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { WebSocketServer } from "ws";
import { bareEvent } from "./bare_event.ts";
import { handshakeOf, serveFirehose } from "./firehose_job.ts";
import { benchGone } from "./talk.ts";

const server = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
await once(server, "listening");
await serveFirehose({
  port: (server.address() as AddressInfo).port,
  handshake: handshakeOf("/"),
  hello: "",
  publish(first, count) {
    for (let i = 0; i < count; i++) {
      const text = JSON.stringify(bareEvent(first + i));
      for (const client of server.clients) client.send(text);
    }
    return Promise.resolve();
  },
});
await benchGone();
for (const client of server.clients) client.terminate();
server.close();
