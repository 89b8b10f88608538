/**
 * The sources in force, swapped as a whole when the configuration changes.
 *
 * @module
 */
import type { EdgeConfig, EdgeSource, RateLimit } from "../../core/contract/mod.ts";
import type { CreateMac } from "../../core/signing/mac.ts";
import { createVerifier, type Verify } from "../../core/signing/verifier.ts";
import { type HeaderList, listOf, SECURITY_HEADERS } from "../reply.ts";
import { createAnswers, type FindAnswer } from "./answers.ts";
import { type Client, createClientOf, type ProxyHeaders } from "./client_ip.ts";
import { createHandoffs, type HandoffsOf } from "./handoff.ts";
import { type AnswerHandshake, createHandshake } from "./handshake.ts";
import { createLoad, type Load } from "./load.ts";
import { createRateGate, isActive, type RateGate } from "./rate.ts";

/** A source with everything a request needs of it. */
export interface LiveSource {
  readonly source: EdgeSource;
  readonly verify: Verify;
  readonly handoffsOf: HandoffsOf;
  /** Answers to signed bodies other than the usual one. */
  readonly answerOf: FindAnswer | undefined;
  /** Answers to bodies that the provider does not sign. */
  readonly answerUnsigned: FindAnswer | undefined;
  readonly handshake: AnswerHandshake | undefined;
  readonly load: Load;
  readonly rate: RateGate | undefined;
  readonly bodyCapBytes: number;
  /** 0 means no limit. */
  readonly concurrencyCap: number;
  /** From the first byte of a request until its answer. */
  readonly limitMs: number;
  /** Headers of the answer to an event that is kept. */
  readonly acceptedHeaders: HeaderList;
}

/** One configuration in force; requests under way keep the one they began with. */
export interface SourceTable {
  readonly version: number;
  readonly byPath: ReadonlyMap<string, LiveSource>;
  readonly byId: ReadonlyMap<string, LiveSource>;
  readonly clientOf: (peer: string | null, headers: ProxyHeaders) => Client;
}

/** What a change of configuration did, by source id. */
export interface SourceChanges {
  readonly added: readonly string[];
  readonly changed: readonly string[];
  readonly removed: readonly string[];
  readonly kept: readonly string[];
}

/** What an edge goes by before core has said what there is. */
export const NO_SOURCES: EdgeConfig = {
  version: 0,
  sources: [],
  limits: { body_cap_bytes: 1_048_576, rate_limit: null, concurrency_cap: 512 },
  request_timeout_ms: 15_000,
  trusted_proxies: [],
  allow_realip_fallback: false,
};

/**
 * Builds the table of `config`. What is under way is counted on; a bucket goes on unless its limit
 * changed; keys are imported again only where the source changed.
 */
export function createSourceTable(
  config: EdgeConfig,
  { previous, createMac }: {
    previous?: SourceTable | undefined;
    createMac?: CreateMac | undefined;
  } = {},
): SourceTable {
  const live = config.sources.map((source) =>
    liveSource(source, config, previous?.byId.get(source.id), createMac)
  );
  return {
    version: config.version,
    byPath: new Map(live.map((it) => [it.source.path, it])),
    byId: new Map(live.map((it) => [it.source.id, it])),
    clientOf: createClientOf(config),
  };
}

/** Tells two tables apart. */
export function sourceChanges(before: SourceTable | undefined, after: SourceTable): SourceChanges {
  const changes = { added: [], changed: [], removed: [], kept: [] } as Record<
    keyof SourceChanges,
    string[]
  >;
  for (const [id, live] of after.byId) {
    const old = before?.byId.get(id);
    if (old === undefined) changes.added.push(id);
    else (isSame(old, live) ? changes.kept : changes.changed).push(id);
  }
  for (const id of before?.byId.keys() ?? []) if (!after.byId.has(id)) changes.removed.push(id);
  return changes;
}

function isSame(a: LiveSource, b: LiveSource): boolean {
  return sameSource(a.source, b.source) && a.bodyCapBytes === b.bodyCapBytes &&
    a.concurrencyCap === b.concurrencyCap && a.limitMs === b.limitMs &&
    sameLimit(a.rate?.limit, b.rate?.limit);
}

function liveSource(
  source: EdgeSource,
  { limits, request_timeout_ms: timeoutMs }: EdgeConfig,
  old: LiveSource | undefined,
  createMac: CreateMac | undefined,
): LiveSource {
  return {
    ...(old !== undefined && sameSource(old.source, source) ? old : prepare(source, createMac)),
    load: old?.load ?? createLoad(),
    rate: rateGate(source.rate_limit ?? limits.rate_limit, old?.rate),
    bodyCapBytes: source.body_cap_bytes ?? limits.body_cap_bytes,
    concurrencyCap: source.concurrency_cap ?? limits.concurrency_cap,
    limitMs: Math.min(timeoutMs, source.response.within_ms ?? timeoutMs),
  };
}

/** What depends on nothing but the source itself. */
function prepare(source: EdgeSource, createMac: CreateMac | undefined) {
  const { answers, response: { content_type: contentType } } = source;
  return {
    source,
    verify: createVerifier(source, createMac),
    handoffsOf: createHandoffs(source),
    answerOf: createAnswers(answers.filter(({ signed }) => signed)),
    answerUnsigned: createAnswers(answers.filter(({ signed }) => !signed)),
    handshake: createHandshake(source),
    acceptedHeaders: listOf(
      contentType === null
        ? SECURITY_HEADERS
        : { ...SECURITY_HEADERS, "content-type": contentType },
    ),
  };
}

function rateGate(limit: RateLimit | null, old: RateGate | undefined): RateGate | undefined {
  if (!isActive(limit)) return undefined;
  return old !== undefined && sameLimit(old.limit, limit) ? old : createRateGate(limit);
}

function sameLimit(a: RateLimit | undefined, b: RateLimit | undefined): boolean {
  return a?.rps === b?.rps && a?.burst === b?.burst;
}

function sameSource(a: EdgeSource, b: EdgeSource): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
