/**
 * Bodies taken from Node's parser: whole, in their order, whenever somebody begins to take them.
 *
 * @module
 */
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { Incoming } from "../../../edge/node_incoming.ts";

type Handle = (request: Incoming, response: ServerResponse) => unknown;
let handle: Handle = () => undefined;
const server = createServer(
  { IncomingMessage: Incoming },
  (request, response) => void handle(request, response),
);

beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
});
beforeEach(() => {
  handle = () => undefined;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const url = () => `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;

/** The body of a request, or that it was lost. */
function taken(request: Incoming): Promise<string> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    request.takeBody({
      onPiece: (piece) => void pieces.push(piece),
      onEnd() {
        request.releaseBody();
        resolve(Buffer.concat(pieces).toString());
      },
      onLost: () => resolve("lost"),
    });
  });
}

const echo: Handle = async (request, response) => response.end(await taken(request));
const post = async (body: string | Uint8Array<ArrayBuffer>): Promise<string> =>
  (await fetch(url(), { method: "POST", body })).text();

describe("Incoming", () => {
  it("gives a body as it was sent, in one piece or many, on one connection after another", async () => {
    handle = echo;
    for (const body of ["", "{}", "x".repeat(200_000), "again"]) {
      expect(await post(body)).toBe(body);
    }
  });

  it("gives what waits in the stream when it is taken late", async () => {
    for (const body of ["", "{}", "y".repeat(300_000)]) {
      handle = async (request, response) => {
        // Small bodies are here as a whole by then, large ones up to what a stream holds.
        await once(request, "readable");
        response.end(await taken(request));
      };
      expect((await post(body)).length).toBe(body.length);
    }
  });

  it("tells when the connection ends before the body does", async () => {
    const ended = new Promise<string>((resolve) => {
      handle = async (request) => {
        socket.destroy();
        resolve(await taken(request));
      };
    });
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345");
    expect(await ended).toBe("lost");
  });

  it("tells at once when it had ended already", async () => {
    const ended = new Promise<string>((resolve) => {
      handle = async (request) => {
        socket.destroy();
        await new Promise((closed) => request.once("close", closed));
        resolve(await taken(request));
      };
    });
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345");
    expect(await ended).toBe("lost");
  });

  it("leaves to the stream what comes after it was released, and serves the connection on", async () => {
    let rest = 0;
    const closed = new Promise<void>((resolve) => {
      handle = (request, response) => {
        request.takeBody({
          onPiece() {
            request.releaseBody();
            response.writeHead(413, { connection: "keep-alive" }).end();
            request.on("data", (piece: Buffer) => rest += piece.length).once("close", resolve);
          },
          onEnd: () => undefined,
          onLost: () => undefined,
        });
      };
    });
    const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
    let said = "";
    socket.setEncoding("latin1").on("data", (text: string) => said += text);
    socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\n12345");
    await once(socket, "data");
    socket.write("67890");
    await closed;
    expect(rest).toBe(5);
    handle = echo;
    socket.write("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 4\r\n\r\nnext");
    await once(socket, "data");
    socket.destroy();
    expect(said).toMatch(/^HTTP\/1.1 413[^]*HTTP\/1.1 200[^]*next$/);
  });
});
