/**
 * socket.io's own broadcast, over WebSocket only.
 *
 * @module
 */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Server } from "socket.io";
import { bareEvent } from "./bare_event.ts";
import { handshakeOf, serveFirehose } from "./firehose_job.ts";
import { benchGone } from "./talk.ts";

const http = createServer();
// Its clients here do not answer pings, and no run is so long.
const io = new Server(http, { transports: ["websocket"], pingInterval: 3_600_000 });
http.listen(0, "127.0.0.1");
await once(http, "listening");
await serveFirehose({
  port: (http.address() as AddressInfo).port,
  handshake: handshakeOf("/socket.io/?EIO=4&transport=websocket"),
  // Joins the main namespace.
  hello: "40",
  publish(first, count) {
    for (let i = 0; i < count; i++) io.emit("event", bareEvent(first + i));
    return Promise.resolve();
  },
});
await benchGone();
await io.close();
