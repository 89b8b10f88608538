/**
 * A provider of models on this machine: speaks one of the three real protocols and does as a script says.
 *
 * @module
 */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Protocol, protocols, type ScriptedAnswer } from "./model_protocols.ts";

/** What the server does with one request. */
export type Play =
  | ({ readonly kind: "answer" } & ScriptedAnswer)
  | {
    readonly kind: "status";
    readonly status: number;
    readonly headers?: Readonly<Record<string, string>>;
    readonly body?: string;
  }
  /** Half an answer, then the connection breaks, or ends as if all were well. */
  | { readonly kind: "cut"; readonly how: "broken" | "ended" }
  /** 200 with something that is no answer. */
  | { readonly kind: "garbage" }
  /** Nothing, until the other side leaves. */
  | { readonly kind: "silence"; readonly after?: "headers" };

/** A request as it came. */
export interface Heard {
  readonly path: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What the server does, or how it finds that out from the request. */
export type Part = Play | ((heard: Heard) => Play);

/** A running server. */
export interface ModelServer extends AsyncDisposable {
  /** As `base_url` in `llm.yaml`. */
  readonly baseUrl: string;
  readonly heard: readonly Heard[];
  /** What it has counted of the answers it finished. */
  readonly counted: { input: number; output: number; cached: number; answers: number };
  /** Adds plays; when they are used up the last one goes on. */
  readonly plays: (...plays: readonly Part[]) => void;
  /** Resolves when the client has left a silent play. */
  readonly left: () => Promise<void>;
}

/** Starts a server on a free port of the loopback address. */
export async function openModelServer(
  protocol: Protocol,
  ...first: readonly Part[]
): Promise<ModelServer> {
  const speak = protocols[protocol];
  const script: Part[] = [...first];
  const heard: Heard[] = [];
  const counted = { input: 0, output: 0, cached: 0, answers: 0 };
  const leavers: (() => void)[] = [];
  let gone = 0;

  function perform(play: Play, streaming: boolean, response: ServerResponse): void {
    switch (play.kind) {
      case "status":
        response.writeHead(play.status, { "content-type": "application/json", ...play.headers });
        response.end(play.body ?? speak.error(play.status));
        return;
      case "garbage":
        response.writeHead(200, { "content-type": contentType(streaming) });
        response.end(streaming ? 'data: {"surprise": [1,\n\n' : '{"surprise": [1,');
        return;
      case "silence":
        if (play.after === "headers") {
          response.writeHead(200, { "content-type": contentType(streaming) }).flushHeaders();
        }
        response.on("close", () => {
          gone += 1;
          for (const leave of leavers.splice(0)) leave();
        });
        return;
      case "cut": {
        response.writeHead(200, { "content-type": contentType(streaming) });
        const half = streaming
          ? speak.stream(HALF).slice(0, -speak.tail)
          : [speak.whole(HALF).slice(0, 20)];
        response.write(half.join(""), () => {
          if (play.how === "broken") response.destroy();
          else response.end();
        });
        return;
      }
      case "answer": {
        const usage = play.usage === undefined ? { input: 10, output: 5 } : play.usage;
        if (usage !== null) {
          counted.input += usage.input;
          counted.output += usage.output;
          counted.cached += usage.cached ?? 0;
        }
        counted.answers += 1;
        response.writeHead(200, { "content-type": contentType(streaming) });
        const answer = { ...play, usage };
        response.end(streaming ? speak.stream(answer).join("") : speak.whole(answer));
      }
    }
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const path = request.url ?? "";
    if (request.method === "GET") {
      response.writeHead(200, { "content-type": "application/json" });
      response.end(speak.models(["one", "two"]));
      return;
    }
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    const question = { path, headers: request.headers, body };
    heard.push(question);
    const part = script.length > 1 ? script.shift() : script[0];
    const play = typeof part === "function" ? part(question) : part;
    perform(play ?? { kind: "answer", text: "hello" }, speak.streams(path, body), response);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    baseUrl: `http://127.0.0.1:${port}${speak.root}`,
    heard,
    counted,
    plays: (...plays) => void script.splice(0, script.length, ...plays),
    left: () => gone > 0 ? Promise.resolve() : new Promise((leave) => leavers.push(leave)),
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((done) => server.close(done));
    },
  };
}

const HALF: ScriptedAnswer = { text: "this sentence ends in the", usage: { input: 3, output: 3 } };

function contentType(streaming: boolean): string {
  return streaming ? "text/event-stream" : "application/json";
}
