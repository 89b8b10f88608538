/**
 * OpenTelemetry's SDK and its OTLP exporter, for a process whose environment asks for traces.
 *
 * @module
 */
import { CodedError } from "../core/contract/mod.ts";
import type { Log } from "../core/flow/log.ts";

/** What {@linkcode openTracing} needs. */
export interface TracingOptions {
  /** The standard `OTEL_*` variables. The SDK reads the process's own for what is not decided here. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** `service.name` unless `OTEL_SERVICE_NAME` or `OTEL_RESOURCE_ATTRIBUTES` says otherwise. */
  readonly service: string;
  readonly version: string;
  readonly log: Log;
}

/** How long a process that ends waits for its last spans to be exported, in milliseconds. */
const LAST_EXPORT_MS = 3_000;

/**
 * Exports spans from now on when the environment names an endpoint or the exporter `otlp`; otherwise
 * nothing is loaded. Disposing exports what is left.
 *
 * @throws {CodedError} `usage` when a variable asks for what is not there
 */
export async function openTracing(options: TracingOptions): Promise<AsyncDisposable> {
  const protocol = protocolOf(options.env);
  if (protocol === undefined) return { [Symbol.asyncDispose]: () => Promise.resolve() };
  const { service, version, log } = options;
  const [{ diag, DiagLogLevel }, sdk, resources, { OTLPTraceExporter }] = await Promise.all([
    import("@opentelemetry/api"),
    import("@opentelemetry/sdk-trace-node"),
    import("@opentelemetry/resources"),
    protocol === "http/json"
      ? import("@opentelemetry/exporter-trace-otlp-http")
      : import("@opentelemetry/exporter-trace-otlp-proto"),
  ]);
  const tell = (message: string): void => log.warn("tracing.trouble", { message });
  const quiet = (): void => undefined;
  diag.setLogger(
    { error: tell, warn: tell, info: quiet, debug: quiet, verbose: quiet },
    DiagLogLevel.WARN,
  );
  const resource = resources.resourceFromAttributes({
    "service.name": service,
    "service.version": version,
  }).merge(resources.detectResources({ detectors: [resources.envDetector] }));
  const provider = new sdk.NodeTracerProvider({
    resource,
    spanProcessors: [new sdk.BatchSpanProcessor(new OTLPTraceExporter())],
  });
  // Rooms carry `traceparent` themselves; nothing else is to travel.
  provider.register({ propagator: null });
  log.info("tracing.on", { protocol });
  return {
    async [Symbol.asyncDispose]() {
      let timer: ReturnType<typeof setTimeout> | undefined;
      const late = new Promise<void>((resolve) => {
        timer = setTimeout(resolve, LAST_EXPORT_MS);
      });
      await Promise.race([provider.shutdown(), late]);
      clearTimeout(timer);
    },
  };
}

type Protocol = "http/json" | "http/protobuf";

/** How spans are exported; undefined when they are not. */
function protocolOf(env: TracingOptions["env"]): Protocol | undefined {
  const read = (name: string): string | undefined => env[name]?.trim() || undefined;
  if (read("OTEL_SDK_DISABLED")?.toLowerCase() === "true") return undefined;
  const exporter = read("OTEL_TRACES_EXPORTER");
  const endpoint = read("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") ??
    read("OTEL_EXPORTER_OTLP_ENDPOINT");
  if (exporter === "none" || (exporter === undefined && endpoint === undefined)) return undefined;
  if (exporter !== undefined && exporter !== "otlp") {
    throw refused("OTEL_TRACES_EXPORTER", exporter, "otlp or none");
  }
  const protocol = read("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") ??
    read("OTEL_EXPORTER_OTLP_PROTOCOL") ?? "http/protobuf";
  if (protocol === "http/json" || protocol === "http/protobuf") return protocol;
  throw refused("OTEL_EXPORTER_OTLP_PROTOCOL", protocol, "http/protobuf or http/json");
}

function refused(name: string, value: string, known: string): CodedError {
  return new CodedError("usage", `Cannot export traces: ${name} is "${value}", not ${known}`);
}
