/**
 * Spans of OpenTelemetry, and the `traceparent` that leads from one to the next where a call stack does
 * not: over the bus, through the disk, into a microapp. Without an SDK in the process all of it is a no-op.
 *
 * @module
 */
import {
  type Attributes,
  type Context,
  context,
  INVALID_SPAN_CONTEXT,
  isSpanContextValid,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { codeOf } from "../contract/mod.ts";

export type { Span } from "@opentelemetry/api";

/** How a span is begun. */
export interface SpanOptions {
  /** @default {"internal"} */
  readonly kind?: "internal" | "server" | "client" | "producer" | "consumer";
  /** Ids, names from the config and numbers; never what somebody wrote. */
  readonly attributes?: Attributes;
  /**
   * The `traceparent` of the span it belongs under; null begins a trace. What is no `traceparent` counts
   * as null. @default the span under way
   */
  readonly parent?: string | null;
  /** `traceparent`s of other spans that led to it. @default none */
  readonly links?: readonly string[];
  /** When it began, in milliseconds since the epoch. @default now */
  readonly startMs?: number;
}

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const TRACER = "nexo";
const provider = trace.getTracerProvider();
const tracer = provider.getTracer(TRACER);
const UNRECORDED = trace.wrapSpanContext(INVALID_SPAN_CONTEXT);

/**
 * Whether spans go anywhere. Ask each time: an SDK may come when the process is long at work. Without
 * one, what only a span would hold need not be made.
 */
export function isTracing(): boolean {
  return !(provider instanceof ProxyTracerProvider) ||
    provider.getDelegateTracer(TRACER) !== undefined;
}

/**
 * Does `work` within a span, which is the one under way for whatever `work` awaits. When `work` rejects,
 * the span says so by the error's code; its message may quote what people wrote and is left out.
 */
export function inSpan<T>(
  name: string,
  { kind = "internal", attributes = {}, parent, links = [], startMs }: SpanOptions,
  work: (span: Span) => Promise<T>,
): Promise<T> {
  if (!isTracing()) return untraced(work);
  const options = {
    kind: KINDS[kind],
    attributes,
    links: links.flatMap((link) => {
      const found = readTraceparent(link);
      return found === undefined ? [] : [{ context: found }];
    }),
    ...(startMs === undefined ? {} : { startTime: startMs }),
  };
  const under = parent === undefined ? context.active() : contextOf(parent);
  return tracer.startActiveSpan(name, options, under, async (span) => {
    try {
      return await work(span);
    } catch (error) {
      failSpan(span, codeOf(error));
      throw error;
    } finally {
      span.end();
    }
  });
}

/** A promise of its own would be the dearest part of a span that nobody sees. */
function untraced<T>(work: (span: Span) => Promise<T>): Promise<T> {
  try {
    return work(UNRECORDED);
  } catch (error) {
    return Promise.reject(error);
  }
}

/** Does `work` with the span of a `traceparent` as the one under way. What is no `traceparent` is none. */
export function underSpan<T>(traceparent: string, work: () => T): T {
  return context.with(contextOf(traceparent), work);
}

/** Marks a span as failed, by a code. */
export function failSpan(span: Span, code: string): void {
  span.setAttribute("error.type", code);
  span.setStatus({ code: SpanStatusCode.ERROR });
}

/** The span under way in the form of W3C Trace Context; undefined when there is none. */
export function currentTraceparent(): string | undefined {
  if (!isTracing()) return undefined;
  const here = trace.getSpanContext(context.active());
  return here === undefined || !isSpanContextValid(here) ? undefined : writeTraceparent(here);
}

/** The id of the trace under way, 32 hex digits; undefined when there is none. */
export function currentTraceId(): string | undefined {
  const here = trace.getSpanContext(context.active());
  return here === undefined || !isSpanContextValid(here) ? undefined : here.traceId;
}

function contextOf(parent: string | null): Context {
  const found = parent === null ? undefined : readTraceparent(parent);
  return found === undefined ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, found);
}

function writeTraceparent({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, "0")}`;
}

function readTraceparent(text: string): SpanContext | undefined {
  const [, traceId = "", spanId = "", flags = ""] =
    /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/.exec(text) ?? [];
  const found = { traceId, spanId, traceFlags: Number.parseInt(flags, 16) & 1, isRemote: true };
  return isSpanContextValid(found) ? found : undefined;
}
