/**
 * A collector for traces: a real HTTP server that reads OTLP in JSON.
 *
 * @module
 */
import { openHttpPeer } from "./channels/http_peer.ts";

/** A span as it was exported. */
export interface SeenSpan {
  readonly service: string;
  readonly name: string;
  /** 1 internal, 2 server, 3 client, 4 producer, 5 consumer. */
  readonly kind: number;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty at the root of a trace. */
  readonly parentSpanId: string;
  readonly links: readonly string[];
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 2 means that it failed. */
  readonly status: number;
  /** Nanoseconds since the epoch. */
  readonly startNanos: bigint;
  readonly endNanos: bigint;
}

/** A running collector. */
export interface Collector extends AsyncDisposable {
  /** For `OTEL_EXPORTER_OTLP_ENDPOINT`. */
  readonly url: string;
  readonly spans: readonly SeenSpan[];
  /** Everything that was exported, as it was read. */
  readonly text: () => string;
  /** Resolves with what `look` gives, once it gives something; it looks after each export. */
  readonly until: <T>(look: (spans: readonly SeenSpan[]) => T | undefined) => Promise<T>;
}

interface Value {
  stringValue?: string;
  intValue?: string | number;
  boolValue?: boolean;
  arrayValue?: { values?: Value[] };
}
interface Attribute {
  key: string;
  value: Value;
}
interface OtlpSpan {
  name: string;
  kind: number;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  links?: { spanId: string }[];
  attributes?: Attribute[];
  status?: { code?: number };
  startTimeUnixNano: string;
  endTimeUnixNano: string;
}
interface OtlpBody {
  resourceSpans?: {
    resource?: { attributes?: Attribute[] };
    scopeSpans?: { spans?: OtlpSpan[] }[];
  }[];
}

/** Starts a collector. */
export async function openCollector(): Promise<Collector> {
  const spans: SeenSpan[] = [];
  const bodies: string[] = [];
  const watching = new Set<() => void>();
  const peer = await openHttpPeer(({ path, body }) => {
    if (path !== "/v1/traces") return { status: 404, body: {} };
    bodies.push(body);
    spans.push(...spansOf(JSON.parse(body) as OtlpBody));
    for (const look of watching) look();
    return { body: {} };
  });
  return {
    url: peer.url,
    spans,
    text: () => bodies.join("\n"),
    until: (look) =>
      new Promise((resolve) => {
        const again = (): void => {
          const found = look(spans);
          if (found === undefined) return;
          watching.delete(again);
          resolve(found);
        };
        watching.add(again);
        again();
      }),
    [Symbol.asyncDispose]: () => peer[Symbol.asyncDispose](),
  };
}

function spansOf({ resourceSpans = [] }: OtlpBody): SeenSpan[] {
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) => {
    const service = String(attributesOf(resource?.attributes)["service.name"]);
    return scopeSpans.flatMap(({ spans = [] }) =>
      spans.map((span): SeenSpan => ({
        service,
        name: span.name,
        kind: span.kind,
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId ?? "",
        links: (span.links ?? []).map(({ spanId }) => spanId),
        attributes: attributesOf(span.attributes),
        status: span.status?.code ?? 0,
        startNanos: BigInt(span.startTimeUnixNano),
        endNanos: BigInt(span.endTimeUnixNano),
      }))
    );
  });
}

function attributesOf(attributes: readonly Attribute[] = []): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, valueOf(value)]));
}

function valueOf({ stringValue, intValue, boolValue, arrayValue }: Value): unknown {
  if (arrayValue !== undefined) return arrayValue.values?.map(valueOf) ?? [];
  return stringValue ?? (intValue === undefined ? boolValue : Number(intValue));
}
