/**
 * A microapp that takes bodies in and gives bodies out, as many bytes as it is asked for.
 *
 * @module
 */
import { defineMicroapp } from "../../../extensions/sdk/mod.ts";
import { serveHttp } from "../../../extensions/sdk/http/mod.ts";

const PIECE = new Uint8Array(64 * 1024);

await defineMicroapp({
  name: "bodies",
  version: "1.0.0",
  http: serveHttp((app) => {
    app.post("/sink", async (c) => {
      let bytes = 0;
      for await (const piece of c.req.raw.body ?? []) bytes += piece.length;
      return c.text(String(bytes));
    });
    app.get("/source", (c) => {
      let left = Number(c.req.query("bytes"));
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          const size = Math.min(left, PIECE.length);
          left -= size;
          controller.enqueue(PIECE.subarray(0, size));
          if (left === 0) controller.close();
        },
      });
      return c.body(body, 200, { "content-length": String(left) });
    });
  }),
}).run();
