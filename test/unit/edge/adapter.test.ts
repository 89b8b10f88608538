/**
 * Reading a standard request's body, and an edge that has nothing but standard requests.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { openLocalBus } from "../../../core/bus/local.ts";
import type { Handoff } from "../../../core/contract/mod.ts";
import { sign } from "../../../core/signing/sign.ts";
import { readRequestBody } from "../../../edge/adapter.ts";
import { createEdge } from "../../../edge/app.ts";
import { createDeadlines } from "../../../edge/deadline.ts";
import { configOf, github, keepIn, memoryLog } from "./support.ts";

const { start: startDeadline } = createDeadlines();

const streamOf = (chunks: Uint8Array[], end = true) =>
  new ReadableStream<Uint8Array<ArrayBuffer>>({
    start(controller) {
      for (const chunk of chunks) controller.enqueue(Uint8Array.from(chunk));
      if (end) controller.close();
    },
  });

describe("readRequestBody()", () => {
  it("gives the bytes in order up to the cap, and refuses one more", async () => {
    await fc.assert(fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 1, maxLength: 50 }), { maxLength: 10 }),
      fc.integer({ min: -2, max: 2 }),
      async (chunks, slack) => {
        const whole = Buffer.concat(chunks);
        const deadline = startDeadline(10_000);
        const cap = Math.max(0, whole.length + slack);
        const read = await readRequestBody({ body: streamOf(chunks) }, cap, deadline);
        deadline.clear();
        expect(read).toEqual(
          whole.length > cap
            ? { kind: "too_large" }
            : { kind: "body", bytes: Uint8Array.from(whole) },
        );
      },
    ));
  });

  it("ends at the deadline when the body does not, and tells a broken body apart", async () => {
    const deadline = startDeadline(5);
    const open = { body: streamOf([Uint8Array.of(1)], false) };
    expect(await readRequestBody(open, 10, deadline)).toEqual({ kind: "timeout" });
    const broken = new ReadableStream({
      start: (controller) => controller.error(new Error("gone")),
    });
    const other = startDeadline(10_000);
    expect(await readRequestBody({ body: broken }, 10, other)).toEqual({ kind: "aborted" });
    other.clear();
  });
});

describe("createEdge()", () => {
  it("takes webhooks as standard requests, through fetch and through its app alike", async () => {
    await using bus = openLocalBus();
    const handoffs: Handoff[] = [];
    bus.serveDurable({}, keepIn(handoffs));
    const edge = createEdge({
      bus,
      now: Date.now,
      random: (bytes) => crypto.getRandomValues(bytes),
      log: memoryLog(),
      version: "test",
      visitorSecret: "a secret of visitors",
      authorize: () => Promise.resolve(false),
      adapter: {
        remoteAddress: () => "192.0.2.1",
        readBody: (request, _env, cap, deadline) =>
          readRequestBody(request as Request, cap, deadline),
      },
    });
    const config = configOf([github]);
    edge.apply(config);
    const [source] = config.sources;
    const body = new TextEncoder().encode('{"ok":true}');
    for (const fetch of [edge.fetch, edge.app.fetch]) {
      const signed = await sign(source!, { body, nowMs: Date.now(), id: crypto.randomUUID() });
      const headers = { ...signed.headers, "x-github-event": "ping" };
      const request = new Request("http://edge/webhooks/gh?x=1", { method: "POST", headers, body });
      expect((await fetch(request)).status).toBe(204);
    }
    expect(handoffs.map(({ envelope }) => envelope.client_ip)).toEqual(["192.0.2.1", "192.0.2.1"]);
    expect((await edge.fetch(new Request("http://edge/readyz"))).status).toBe(401);
  });
});
