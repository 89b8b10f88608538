import { createRequire } from "node:module";
import { context, trace } from "@opentelemetry/api";
import { afterAll, describe, expect, it } from "vitest";
import { currentTraceparent, inSpan } from "../../../core/flow/trace.ts";
import { openTracing } from "../../../edge/tracing.ts";
import { openCollector } from "../../support/otlp.ts";
import { silentLog } from "../../support/store.ts";

/** Whether the SDK is in this process; it is CommonJS, so that Node's cache of it says so. */
const isLoaded = (): boolean =>
  Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes("/sdk-trace"));
const open = (env: Record<string, string>) =>
  openTracing({ env, service: "test", version: "1", log: silentLog });

afterAll(() => {
  trace.disable();
  context.disable();
});

describe("openTracing()", () => {
  it("loads nothing and makes no spans unless the environment asks for traces", async () => {
    for (
      const env of [
        {},
        { OTEL_SERVICE_NAME: "x", OTEL_EXPORTER_OTLP_ENDPOINT: " " },
        { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_SDK_DISABLED: "TRUE" },
        { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:1", OTEL_TRACES_EXPORTER: "none" },
      ]
    ) {
      await using _off = await open(env);
    }
    expect(isLoaded()).toBe(false);
    expect(await inSpan("nothing", {}, () => Promise.resolve(currentTraceparent()))).toBe(
      undefined,
    );
  });

  it.each([
    [{ OTEL_TRACES_EXPORTER: "zipkin" }, /OTEL_TRACES_EXPORTER is "zipkin", not otlp or none/],
    [
      { OTEL_TRACES_EXPORTER: "otlp", OTEL_EXPORTER_OTLP_PROTOCOL: "grpc" },
      /OTEL_EXPORTER_OTLP_PROTOCOL is "grpc", not http\/protobuf or http\/json/,
    ],
  ])("refuses what is not there, by the name of the variable: %o", async (env, says) => {
    await expect(open(env)).rejects.toMatchObject({
      code: "usage",
      message: expect.stringMatching(says),
    });
  });

  it("exports what is left when it is closed, each span under its parent, errors by code alone", async () => {
    await using collector = await openCollector();
    process.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.url;
    try {
      await using _on = await open({
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_PROTOCOL: "http/json",
      });
      const failing = inSpan(
        "outer",
        { parent: "no traceparent", attributes: { n: 1 } },
        () => inSpan("inner", {}, () => Promise.reject(new Error("what somebody wrote"))),
      );
      await expect(failing).rejects.toThrow("what somebody wrote");
      const carried = await inSpan(
        "first",
        { parent: null },
        () => Promise.resolve(currentTraceparent()),
      );
      await inSpan("second", { parent: carried ?? null }, () => Promise.resolve());
    } finally {
      delete process.env["OTEL_EXPORTER_OTLP_ENDPOINT"];
    }
    expect(isLoaded()).toBe(true);
    const [inner, outer, first, second] = collector.spans;
    expect(outer).toMatchObject({
      name: "outer",
      parentSpanId: "",
      attributes: { n: 1 },
      status: 2,
    });
    expect(inner).toMatchObject({
      parentSpanId: outer?.spanId,
      traceId: outer?.traceId,
      attributes: { "error.type": "internal" },
    });
    expect(second).toMatchObject({ parentSpanId: first?.spanId, traceId: first?.traceId });
    expect(first?.traceId).not.toBe(outer?.traceId);
    expect(collector.text()).not.toContain("somebody");
  });
});
