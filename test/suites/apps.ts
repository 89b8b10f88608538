/**
 * What microapps' HTTP must do through every edge, whatever carries it to core.
 *
 * @module
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { Agent, request as httpRequest } from "node:http";
import { connect } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";

/** Where an edge serves the microapp `web` of `serves_http.mjs`. */
export interface AppsPlace extends AsyncDisposable {
  /** Of the edge, without a slash at the end. */
  readonly url: string;
}

const MIB = 1024 * 1024;

/** `length` bytes as the microapp makes them, in pieces. */
function* pattern(length: number): Generator<Uint8Array> {
  const piece = Uint8Array.from({ length: 64 * 1024 }, (_, i) => i % 251);
  for (let left = length; left > 0; left -= piece.length) {
    yield piece.subarray(0, Math.min(left, piece.length));
  }
}

function sha256Of(length: number): string {
  const hash = createHash("sha256");
  for (const piece of pattern(length)) hash.update(piece);
  return hash.digest("hex");
}

/** One request with a path as it is, which `fetch` would tidy up. */
async function raw(url: string, text: string): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.write(text);
  let answer = "";
  for await (const chunk of socket) answer += String(chunk);
  return answer;
}

interface Echo {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly string[];
  readonly body: string;
}

function headerOf({ headers }: Pick<Echo, "headers">, name: string): string[] {
  return headers.filter((_, i) => i % 2 === 1 && headers[i - 1]?.toLowerCase() === name);
}

/** Runs the suite. `upMiB` and `downMiB` are the large bodies. */
export function appsSuite(
  edge: string,
  open: () => Promise<AppsPlace>,
  { largeMiB = 8 }: { largeMiB?: number } = {},
): void {
  describe(`/apps through ${edge}`, () => {
    let place: AppsPlace;
    let app = "";
    beforeAll(async () => {
      place = await open();
      app = `${place.url}/apps/web`;
    });
    afterAll(async () => {
      await place[Symbol.asyncDispose]();
    });

    const echo = async (path: string, init?: RequestInit): Promise<Echo> =>
      await (await fetch(`${app}${path}`, init)).json() as Echo;
    /** How many requests were broken off, or reached `/never`; told once they are `least`. */
    const counted = async (what: "aborted" | "reached", least = 0): Promise<number> =>
      (await (await fetch(`${app}/${what}?least=${least}`)).json() as { count: number }).count;

    it("passes method, path, query, body and headers on, and says where it came from", async () => {
      const got = await echo("/echo?a=1&b=%20", {
        method: "PUT",
        body: "hello",
        headers: {
          "x-mine": "yes",
          authorization: "Bearer the-caller's-own",
          cookie: "theirs=1; nexo_console=secret; nexo_console_8787=s; nexo_visitor=v",
          "x-forwarded-for": "6.6.6.6",
          "x-nexo-subject": "forged",
          "x_nexo_account": "forged",
          te: "trailers",
        },
      });
      expect(got).toMatchObject({ method: "PUT", url: "/echo?a=1&b=%20", body: "hello" });
      const one = (name: string): string[] => headerOf(got, name);
      expect(one("x-mine")).toEqual(["yes"]);
      expect(one("authorization")).toEqual(["Bearer the-caller's-own"]);
      expect(one("cookie")).toEqual(["theirs=1"]);
      expect(one("x-forwarded-for")).toEqual(["127.0.0.1"]);
      expect(one("x-forwarded-proto")).toEqual(["http"]);
      expect(one("x-forwarded-prefix")).toEqual(["/apps/web"]);
      expect(one("x-forwarded-host")).toEqual([new URL(place.url).host]);
      expect(one("x-nexo-microapp")).toEqual(["web"]);
      expect(one("x-nexo-request-id")).toHaveLength(1);
      expect(one("x-nexo-hop")).toHaveLength(1);
      expect(one("x-nexo-subject")).toEqual([]);
      expect(one("x_nexo_account")).toEqual([]);
      expect(one("te")).toEqual([]);
    });

    it("answers with the microapp's own headers, confined to its place", async () => {
      const response = await fetch(`${app}/headers`);
      expect(response.headers.getSetCookie()).toEqual([
        "a=1; Path=/apps/web/; HttpOnly",
        "b=2; Path=/apps/web/deep",
      ]);
      expect(response.headers.get("x-own")).toBe("kept");
      expect(response.headers.get("content-security-policy")).toBe("default-src 'self'");
      for (const name of ["alt-svc", "clear-site-data", "service-worker-allowed", "x-hop"]) {
        expect(response.headers.get(name)).toBeNull();
      }
      expect(response.headers.get("x-request-id")).not.toBeNull();
      await response.body?.cancel();
    });

    it("leads a bare name to its slash, and redirects within the microapp's place", async () => {
      const bare = await fetch(`${app}?x=1`, { redirect: "manual" });
      expect([bare.status, bare.headers.get("location")]).toEqual([308, "/apps/web/?x=1"]);
      const within = async (to: string): Promise<string | null> => {
        const path = `/redirect?to=${encodeURIComponent(to)}`;
        return (await fetch(app + path, { redirect: "manual" })).headers.get("location");
      };
      expect(await within("/login")).toBe("/apps/web/login");
      expect(await within("/apps/web/login")).toBe("/apps/web/login");
      expect(await within("login")).toBe("login");
      expect(await within("https://elsewhere.example/")).toBe("https://elsewhere.example/");
    });

    it.each([200, 404, 500])("passes status %i on with its body", async (code) => {
      const response = await fetch(`${app}/status?code=${code}`);
      expect([response.status, await response.text()]).toEqual([code, "body"]);
    });

    it("passes answers without a body on", async () => {
      for (const code of [204, 304]) {
        const response = await fetch(`${app}/status?code=${code}`);
        expect([response.status, await response.text()]).toEqual([code, ""]);
      }
      const head = await fetch(`${app}/download?bytes=12345`, { method: "HEAD" });
      expect([head.status, head.headers.get("content-length")]).toEqual([200, "12345"]);
    });

    it(`takes ${largeMiB} MiB up and down, whole`, async () => {
      const length = largeMiB * MIB;
      const expected = sha256Of(length);
      const pieces = pattern(length);
      const up = await fetch(`${app}/upload`, {
        method: "POST",
        body: new ReadableStream({
          pull(controller) {
            const { done, value } = pieces.next();
            if (done) controller.close();
            else controller.enqueue(value);
          },
        }),
        duplex: "half",
      } as RequestInit);
      expect(await up.json()).toEqual({ bytes: length, sha256: expected });

      const down = await fetch(`${app}/download?bytes=${length}`);
      const hash = createHash("sha256");
      for await (const chunk of down.body ?? []) hash.update(chunk as Uint8Array);
      expect(hash.digest("hex")).toBe(expected);
    });

    it("streams events as they happen, and resumes where a client left", async () => {
      const stop = new AbortController();
      const { body } = await fetch(`${app}/events`, {
        headers: { "last-event-id": "41" },
        signal: stop.signal,
      });
      const reader = body?.getReader();
      let text = "";
      while (!text.includes("id: 44")) {
        text += new TextDecoder().decode((await reader?.read())?.value);
      }
      expect(text).toMatch(/^id: 42\ndata: \{"n":42\}\n\n/);
      const before = await counted("aborted");
      stop.abort();
      await counted("aborted", before + 1);
    });

    it("tells the microapp when a client is gone before its answer began", async () => {
      const before = await counted("aborted");
      const reached = await counted("reached");
      const stop = new AbortController();
      const waiting = fetch(`${app}/never`, { signal: stop.signal });
      waiting.catch(() => undefined);
      await counted("reached", reached + 1);
      stop.abort();
      await expect(waiting).rejects.toThrow();
      await counted("aborted", before + 1);
    });

    it("gets over clients that leave at any moment", async () => {
      const paths = ["/echo", "/download?bytes=3000000", "/events", "/never", "/breaks", "/upload"];
      await Promise.all(Array.from({ length: 60 }, async (_, i) => {
        const path = paths[i % paths.length] ?? "/";
        const body = path === "/upload" ? new Uint8Array(2_000_000) : undefined;
        const signal = AbortSignal.timeout(i);
        try {
          const response = await fetch(app + path, {
            signal,
            ...(body === undefined ? {} : { method: "POST", body }),
          });
          await response.arrayBuffer();
        } catch {
          // Most of them end before their answer does.
        }
      }));
      expect((await echo("/echo?after")).url).toBe("/echo?after");
    });

    it("tells the client when the microapp breaks off", async () => {
      const broken = await fetch(`${app}/breaks`);
      expect(broken.status).toBe(200);
      await expect(broken.text()).rejects.toThrow();
      for (const path of ["/hangs-up", "/garbage"]) {
        const response = await fetch(app + path);
        expect(response.status).toBe(502);
        expect(await response.json()).toMatchObject({ error: { code: "microapp_bad_answer" } });
      }
    });

    it("gives an early answer though the client is still sending", async () => {
      const outgoing = httpRequest(`${app}/early`, {
        method: "POST",
        headers: { "content-length": 64 * MIB },
        agent: new Agent(),
      });
      outgoing.on("error", () => undefined);
      outgoing.write(new Uint8Array(128 * 1024));
      const [response] = await once(outgoing, "response");
      expect(response.statusCode).toBe(413);
      outgoing.destroy();
    });

    it("answers what is not there, and paths that can be read in several ways", async () => {
      expect((await fetch(`${place.url}/apps/nobody/`)).status).toBe(404);
      expect((await fetch(`${place.url}/apps/NOT-AN-ID/`)).status).toBe(404);
      for (const path of ["/%2e%2e/%2e%2e/x", "/a/..%2fb", "/a%5cb", "/a%00b", "/..;/x"]) {
        const answer = await raw(
          place.url,
          `GET /apps/web${path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`,
        );
        expect(answer).toMatch(/^HTTP\/1\.1 40[04] /);
      }
    });

    it("carries a WebSocket: text, binary, subprotocol, large messages and both goodbyes", async () => {
      const ws = new WebSocket(`${app.replace("http", "ws")}/socket`, ["other", "chat"]);
      const heard: (string | number)[] = [];
      ws.on(
        "message",
        (data: Buffer, isBinary) => heard.push(isBinary ? data.length : data.toString()),
      );
      await once(ws, "open");
      expect(ws.protocol).toBe("chat");
      const next = async (): Promise<string | number | undefined> => {
        if (heard.length === 0) await once(ws, "message");
        return heard.shift();
      };
      ws.send("hello");
      expect(await next()).toBe("hello!");
      ws.send(new Uint8Array(700_000));
      expect(await next()).toBe(700_000);
      ws.send("many 500");
      for (let i = 0; i < 500; i++) expect(await next()).toHaveLength(1024);
      ws.send("bye");
      const [code, reason] = await once(ws, "close");
      expect([code, String(reason)]).toEqual([4001, "as asked"]);

      const before = await counted("aborted");
      const other = new WebSocket(`${app.replace("http", "ws")}/socket`);
      await once(other, "open");
      other.terminate();
      await counted("aborted", before + 1);
    });

    it("passes a refused WebSocket handshake on", async () => {
      const ws = new WebSocket(`${app.replace("http", "ws")}/closed`);
      ws.on("error", () => undefined);
      const [, response] = await once(ws, "unexpected-response");
      expect(response.statusCode).toBe(403);
      ws.terminate();
    });
  });
}
