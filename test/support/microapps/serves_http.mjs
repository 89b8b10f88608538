/**
 * Serves HTTP, well and badly, on the port and address it is started with.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import process from "node:process";
import { WebSocketServer } from "ws";
import { behave, receive, send } from "./wire.mjs";

const [port = "0", bind = "127.0.0.1"] = process.argv.slice(2);
let isWell = true;
/** Requests that came, and those whose client went away before the answer was whole. */
const counts = { reached: 0, aborted: 0 };
/** Answers that wait for a count. */
const waiting = new Set();

function count(name) {
  counts[name] += 1;
  for (const look of waiting) look();
}
let shaken = null;
const rotations = [];
let answered = null;

receive((frame) => {
  if (frame.method === "initialize") shaken = frame.params;
  if (frame.method === "nexo/notify/token_rotated") rotations.push(frame.params);
  if (frame.id === "app:rotate") return answered?.(frame.result ?? frame.error);
  behave(frame);
});

/** `length` bytes that depend on their place. */
function* pattern(length, pieceBytes = 64 * 1024) {
  const piece = Uint8Array.from({ length: pieceBytes }, (_, i) => i % 251);
  for (let left = length; left > 0; left -= pieceBytes) {
    yield piece.subarray(0, Math.min(left, pieceBytes));
  }
}

function tell(name, request, response) {
  const least = Number(new URL(request.url, "http://x").searchParams.get("least"));
  const look = () => {
    if (counts[name] < least) return;
    waiting.delete(look);
    response.end(JSON.stringify({ count: counts[name] }));
  };
  waiting.add(look);
  look();
}

const routes = {
  "/healthz": (_request, response) => response.writeHead(isWell ? 204 : 500).end(),
  "/sick": (_request, response) => {
    isWell = false;
    response.end("ok");
  },
  "/well": (_request, response) => {
    isWell = true;
    response.end("ok");
  },
  "/echo": (request, response) => {
    const chunks = [];
    request.on("data", (chunk) => chunks.push(chunk));
    request.on("end", () => {
      const { method, url, rawHeaders } = request;
      response.setHeader("content-type", "application/json");
      response.end(
        JSON.stringify({
          method,
          url,
          headers: rawHeaders,
          body: Buffer.concat(chunks).toString(),
        }),
      );
    });
  },
  "/upload": (request, response) => {
    const hash = createHash("sha256");
    let bytes = 0;
    request.on("data", (chunk) => {
      bytes += chunk.length;
      hash.update(chunk);
    });
    request.on("end", () => response.end(JSON.stringify({ bytes, sha256: hash.digest("hex") })));
  },
  "/download": (request, response) => {
    const length = Number(new URL(request.url, "http://x").searchParams.get("bytes"));
    response.setHeader("content-length", length);
    const pieces = pattern(length);
    const more = () => {
      for (let next = pieces.next(); !next.done; next = pieces.next()) {
        if (!response.write(next.value)) return response.once("drain", more);
      }
      response.end();
    };
    more();
  },
  "/events": (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    let id = Number(request.headers["last-event-id"] ?? 0);
    const more = () => response.write(`id: ${++id}\ndata: {"n":${id}}\n\n`);
    more();
    const timer = setInterval(more, 20);
    request.on("close", () => clearInterval(timer));
  },
  // How often it has happened, once that is `?least=` times.
  "/aborted": (request, response) => tell("aborted", request, response),
  "/reached": (request, response) => tell("reached", request, response),
  "/never": () => count("reached"),
  "/stuck": (_request, response) => response.write("this, and no more"),
  "/breaks": (_request, response) => {
    response.writeHead(200, { "content-length": "1000" });
    response.write("only this");
    setTimeout(() => response.destroy(), 20);
  },
  "/hangs-up": (request) => request.socket.destroy(),
  "/garbage": (request) => request.socket.end("this is not HTTP\r\n\r\n"),
  "/early": (_request, response) => response.writeHead(413).end("too much"),
  "/redirect": (request, response) => {
    const to = new URL(request.url, "http://x").searchParams.get("to");
    response.writeHead(302, { location: to }).end();
  },
  "/headers": (_request, response) => {
    response.writeHead(
      200,
      [
        ["set-cookie", "a=1; Path=/; HttpOnly"],
        ["set-cookie", "b=2; Path=/deep; Domain=example.com"],
        ["set-cookie", "nexo_console=stolen; Path=/console"],
        ["alt-svc", 'h3=":443"'],
        ["clear-site-data", '"cookies"'],
        ["service-worker-allowed", "/"],
        ["x-own", "kept"],
        ["x-hop", "gone"],
        ["connection", "x-hop"],
        ["content-security-policy", "default-src 'self'"],
      ].flat(),
    );
    response.end("ok");
  },
  "/status": (request, response) => {
    const code = Number(new URL(request.url, "http://x").searchParams.get("code"));
    response.writeHead(code, { etag: '"x"' }).end(
      code === 204 || code === 304 ? undefined : "body",
    );
  },
  "/self": (_request, response) =>
    response.end(JSON.stringify({ shaken, rotations, env: process.env })),
  "/rotate": (_request, response) => {
    answered = (answer) => response.end(JSON.stringify(answer));
    send({ id: "app:rotate", method: "nexo/admin/auth/rotate_token", params: { reason: "test" } });
  },
  "/exit": () => process.exit(3),
};

const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, "http://x");
  response.on("close", () => {
    if (!response.writableFinished) count("aborted");
  });
  const route = routes[pathname];
  if (route === undefined) response.writeHead(404).end("no such page");
  else route(request, response);
});

const sockets = new WebSocketServer({
  noServer: true,
  handleProtocols: (offered) => offered.has("chat") ? "chat" : false,
});
server.on("upgrade", (request, socket, head) => {
  const { pathname } = new URL(request.url, "http://x");
  if (pathname === "/closed") {
    socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nclosed");
    return;
  }
  sockets.handleUpgrade(request, socket, head, (ws) => {
    ws.on("message", (data, isBinary) => {
      if (isBinary) return ws.send(data, { binary: true });
      const text = Buffer.from(data).toString();
      if (text === "bye") ws.close(4001, "as asked");
      else if (text === "die") ws.terminate();
      else if (text.startsWith("many ")) {
        for (let i = 0; i < Number(text.slice(5)); i++) ws.send("x".repeat(1024));
      } else ws.send(text === "headers" ? JSON.stringify(request.rawHeaders) : `${text}!`);
    });
    ws.on("close", (code) => code === 1006 && count("aborted"));
  });
});
server.listen(Number(port), bind);
