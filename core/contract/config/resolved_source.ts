/**
 * A webhook source with every default filled in, as the edge works with it.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, ChannelSourceId, Slug } from "../ids.ts";
import {
  type EventKindFrom,
  PartsFields,
  RateLimit,
  SecretFormat,
  SignatureAlgorithm,
  SignatureEncoding,
} from "./webhook_fields.ts";
import { type SourceFields, withPreset } from "./webhook_source.ts";

const ID_WINDOW_MS = 72 * 3600 * 1000;
const BODY_HASH_WINDOW_MS = 5 * 60 * 1000;

/** Headers that carry a delivery's id by custom; used when a source says nothing about dedupe. */
const CUSTOMARY_ID_HEADERS = [
  "x-github-delivery",
  "x-stripe-event-id",
  "x-event-id",
  "idempotency-key",
];

const ms = z.int().positive();
const names = z.array(z.string().min(1)).min(1);
const idWindows = { window_ms: ms, fallback_window_ms: ms };

/** A source with every default filled in; `null` limits inherit the receiver's. Header names are lower-case. */
export const ResolvedSource = z.strictObject({
  /** An operator's own name, or `<channel>:<instance>` of a channel's provider. */
  id: z.union([Slug, ChannelSourceId]),
  path: z.string().startsWith("/"),
  preset: z.string().nullable(),
  enabled: z.boolean(),
  account_id: AccountId.nullable(),
  /** Contains `{event_kind}` where the escaped kind goes. */
  publish_to: z.string().min(1),
  signature: z.strictObject({
    algorithm: SignatureAlgorithm,
    headers: names,
    prefix: z.string(),
    encoding: SignatureEncoding,
    secret_format: SecretFormat,
    signed: z.string(),
    body_hash_query: z.string().nullable(),
    parts: PartsFields.nullable(),
    timestamp: z.strictObject({
      from: z.enum(["header", "part", "body"]),
      names,
      tolerance_ms: ms,
      format: z.enum(["unix", "unix_ms", "rfc3339"]),
    }).nullable(),
  }),
  /** The whole public address of the source; null takes the request's own word for the host. */
  public_url: z.string().nullable(),
  secret_env: z.string().min(1),
  previous_secret_env: z.string().min(1).nullable(),
  /** Milliseconds since the epoch; the previous secret is good before it. */
  previous_secret_until_ms: z.int().nullable(),
  event_kind_from: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("header"), name: z.string().min(1) }),
    z.strictObject({
      kind: z.literal("body"),
      paths: names,
      names: z.record(z.string(), z.string()).nullable(),
      otherwise: z.string().nullable(),
    }),
    z.strictObject({ kind: z.literal("member"), beside: names }),
  ]),
  dedupe: z.discriminatedUnion("by", [
    z.strictObject({ by: z.literal("header"), names, ...idWindows }),
    z.strictObject({ by: z.literal("json_pointer"), pointers: names, ...idWindows }),
    z.strictObject({ by: z.literal("body_hash"), window_ms: ms }),
  ]),
  response: z.strictObject({
    status: z.int().min(200).max(299),
    body: z.string().nullable(),
    content_type: z.string().nullable(),
    /** How long the sender waits for it; null: as long as the receiver lets a request take. */
    within_ms: ms.nullable(),
  }),
  answers: z.array(z.strictObject({
    when: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])),
    status: z.int().min(200).max(299),
    body: z.string().nullable(),
    echo: z.string().nullable(),
    content_type: z.string().nullable(),
    keep: z.boolean(),
    signed: z.boolean(),
  })),
  handshake: z.strictObject({
    query: z.record(z.string(), z.string()),
    token: z.string().min(1),
    echo: z.string().min(1),
    verify_token_env: z.string().min(1),
  }).nullable(),
  form: z.strictObject({ json: z.string().nullable() }).nullable(),
  split: z.array(z.string()),
  silent_after_ms: ms.nullable(),
  body_cap_bytes: z.int().positive().nullable(),
  rate_limit: RateLimit.nullable(),
  /** 0 means no limit. */
  concurrency_cap: z.int().nonnegative().nullable(),
});
/** See {@linkcode ResolvedSource}. */
export type ResolvedSource = z.infer<typeof ResolvedSource>;

/** Fills in preset and defaults of a source that `WebhookSource` has parsed. Pure. */
export function resolveSource(raw: SourceFields): ResolvedSource {
  const it = withPreset(raw);
  return ResolvedSource.parse({
    id: raw.id,
    path: raw.path,
    preset: raw.preset ?? null,
    enabled: raw.enabled,
    account_id: raw.account_id ?? null,
    publish_to: it.publishTo.replaceAll("${event_kind}", "{event_kind}"),
    signature: resolveSignature(it.signature),
    public_url: raw.public_url ?? null,
    secret_env: it.secretEnv,
    previous_secret_env: it.previousEnv ?? null,
    previous_secret_until_ms: it.previousUntil === undefined ? null : Date.parse(it.previousUntil),
    event_kind_from: it.kindFrom === undefined ? undefined : resolveKind(it.kindFrom),
    dedupe: resolveDedupe(it.dedupe),
    response: {
      status: it.response.status,
      body: it.response.body ?? null,
      content_type: it.response.content_type ?? null,
      within_ms: it.response.within_ms ?? null,
    },
    answers: it.answers.map((answer) => ({
      ...answer,
      body: answer.body ?? null,
      echo: answer.echo ?? null,
      content_type: answer.content_type ?? null,
    })),
    handshake: it.handshake === undefined
      ? null
      : { ...it.handshake, verify_token_env: it.verifyTokenEnv },
    form: it.form === undefined ? null : { json: it.form.json ?? null },
    split: it.split,
    silent_after_ms: raw.silent_after_secs === undefined ? null : raw.silent_after_secs * 1000,
    body_cap_bytes: raw.body_cap_bytes ?? null,
    rate_limit: raw.rate_limit ?? null,
    concurrency_cap: raw.concurrency_cap ?? null,
  });
}

type Merged = ReturnType<typeof withPreset>;

function lowerCased(headers: string | readonly string[] | undefined): string[] | undefined {
  return headers === undefined ? undefined : [headers].flat().map((name) => name.toLowerCase());
}

function resolveSignature(signature: Merged["signature"]): unknown {
  const { timestamp, algorithm } = signature;
  return {
    algorithm,
    headers: lowerCased(signature.header),
    prefix: signature.prefix ?? "",
    encoding: signature.encoding ?? "hex",
    secret_format: signature.secret_format ?? (algorithm === "ed25519" ? "hex" : "text"),
    signed: signature.signed ?? "{body}",
    body_hash_query: signature.body_hash_query ?? null,
    parts: signature.parts ?? null,
    timestamp: timestamp === undefined ? null : {
      ...(timestamp.part !== undefined
        ? { from: "part", names: [timestamp.part] }
        : timestamp.body !== undefined
        ? { from: "body", names: [timestamp.body] }
        : { from: "header", names: lowerCased(timestamp.header) }),
      tolerance_ms: timestamp.tolerance_secs * 1000,
      format: timestamp.format,
    },
  };
}

function resolveKind(from: EventKindFrom): unknown {
  if (from.kind === "header") return { kind: "header", name: from.name.toLowerCase() };
  if (from.kind === "member") return from;
  const { path, names: given = null, otherwise = null } = from;
  return { kind: "body", paths: [path].flat(), names: given, otherwise };
}

function resolveDedupe(dedupe: Merged["dedupe"]): ResolvedSource["dedupe"] {
  const own = dedupe?.window_secs === undefined ? undefined : dedupe.window_secs * 1000;
  const id = { window_ms: own ?? ID_WINDOW_MS, fallback_window_ms: BODY_HASH_WINDOW_MS };
  const headers = dedupe === undefined ? CUSTOMARY_ID_HEADERS : lowerCased(dedupe.header);
  if (headers !== undefined) return { by: "header", names: headers, ...id };
  if (dedupe?.json_pointer !== undefined) {
    return { by: "json_pointer", pointers: [dedupe.json_pointer].flat(), ...id };
  }
  return { by: "body_hash", window_ms: own ?? BODY_HASH_WINDOW_MS };
}
