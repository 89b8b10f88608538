/**
 * `webhook_receiver.yaml`: which signed webhooks are taken in, and within what limits.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, Slug } from "../ids.ts";
import { isSubject, patternsIntersect, renderSubject, RESERVED_PATTERNS } from "../subjects.ts";
import { type Preset, PRESET_NAMES, PRESETS } from "./presets.ts";
import {
  DedupeFields,
  EventKindFrom,
  PartsFields,
  RateLimit,
  ResponseFields,
  SecretName,
  SignatureFields,
} from "./webhook_fields.ts";

const ID_WINDOW_MS = 72 * 3600 * 1000;
const BODY_HASH_WINDOW_MS = 5 * 60 * 1000;

/** Headers that carry a delivery's id by custom; used when a source says nothing about dedupe. */
const CUSTOMARY_ID_HEADERS = [
  "x-github-delivery",
  "x-stripe-event-id",
  "x-event-id",
  "idempotency-key",
];

/** First path segments the edge keeps for itself. */
const OWN_SEGMENTS = new Set(
  "healthz readyz metrics openapi.json rpc chat firehose apps channels console session".split(" "),
);

const ms = z.int().positive();

/** A source with every default filled in; `null` limits inherit the receiver's. Header names are lower-case. */
export const ResolvedSource = z.strictObject({
  id: Slug,
  path: z.string().startsWith("/"),
  preset: z.string().nullable(),
  enabled: z.boolean(),
  account_id: AccountId.nullable(),
  /** Contains `{event_kind}` where the escaped kind goes. */
  publish_to: z.string().min(1),
  signature: z.strictObject({
    algorithm: z.enum(["hmac-sha256", "hmac-sha1", "raw-token"]),
    header: z.string().min(1),
    prefix: z.string(),
    encoding: z.enum(["hex", "base64"]),
    signed: z.string(),
    parts: PartsFields.nullable(),
    timestamp: z.strictObject({
      from: z.enum(["header", "part"]),
      name: z.string().min(1),
      tolerance_ms: ms,
      format: z.enum(["unix", "unix_ms", "rfc3339"]),
    }).nullable(),
  }),
  secret_env: z.string().min(1),
  previous_secret_env: z.string().min(1).nullable(),
  /** Milliseconds since the epoch; the previous secret is good before it. */
  previous_secret_until_ms: z.int().nullable(),
  event_kind_from: EventKindFrom,
  dedupe: z.discriminatedUnion("by", [
    z.strictObject({
      by: z.literal("header"),
      names: z.array(z.string().min(1)).min(1),
      window_ms: ms,
      fallback_window_ms: ms,
    }),
    z.strictObject({
      by: z.literal("json_pointer"),
      pointer: z.string(),
      window_ms: ms,
      fallback_window_ms: ms,
    }),
    z.strictObject({ by: z.literal("body_hash"), window_ms: ms }),
  ]),
  response: z.strictObject({
    status: z.int().min(200).max(299),
    body: z.string().nullable(),
    content_type: z.string().nullable(),
  }),
  body_cap_bytes: z.int().positive().nullable(),
  rate_limit: RateLimit.nullable(),
  /** 0 means no limit. */
  concurrency_cap: z.int().nonnegative().nullable(),
});
/** See {@linkcode ResolvedSource}. */
export type ResolvedSource = z.infer<typeof ResolvedSource>;

const sourceFields = z.strictObject({
  id: z.string().trim().pipe(Slug),
  path: z.string().trim().regex(/^\/[^\s?#]*$/, "must start with / and hold no space, ? or #"),
  preset: z.enum(PRESET_NAMES).optional(),
  signature: SignatureFields.optional(),
  secret_env: SecretName.optional(),
  previous_secret_env: SecretName.optional(),
  previous_secret_until: z.iso.datetime({ offset: true }).optional(),
  publish_to: z.string().trim().min(1).optional(),
  event_kind_from: EventKindFrom.optional(),
  dedupe: DedupeFields.optional(),
  response: ResponseFields.optional(),
  body_cap_bytes: z.int().positive("must be above 0").nullish(),
  rate_limit: RateLimit.nullish(),
  concurrency_cap: z.int().nonnegative().nullish(),
  account_id: AccountId.optional(),
  enabled: z.boolean().default(true),
});

/** One webhook endpoint as an operator writes it. */
export const WebhookSource = sourceFields.superRefine((raw, context) => {
  for (const { path, message } of problemsOf(raw)) {
    context.addIssue({ code: "custom", path, message });
  }
});
/** See {@linkcode WebhookSource}. */
export type WebhookSource = z.infer<typeof WebhookSource>;

const cidr = z.union([z.cidrv4(), z.cidrv6(), z.ipv4(), z.ipv6()], {
  error: "must be an IP address or a CIDR range such as 10.0.0.0/8",
});

/** The whole of `webhook_receiver.yaml`. */
export const WebhookReceiver = z.strictObject({
  enabled: z.boolean().default(false),
  /** Read and ignored: the edge listens on `NEXO_PORT`. */
  bind: z.string().optional(),
  body_cap_bytes: z.int().positive("must be above 0").default(1_048_576),
  /** From the first byte of a request until its body is read. */
  request_timeout_ms: z.int().positive("must be above 0").default(15_000),
  default_rate_limit: RateLimit.nullish().transform((limit) => limit ?? null),
  /** Requests of one source under way at once; 0 means no limit. */
  default_concurrency_cap: z.int().nonnegative().default(512),
  /** Whose `X-Forwarded-For` is believed. */
  trusted_proxies: z.array(cidr).default([]),
  allow_realip_fallback: z.boolean().default(false),
  sources: z.array(WebhookSource).default([]),
}).superRefine(({ sources }, context) => {
  const firstWith = { id: new Map<string, number>(), path: new Map<string, number>() };
  sources.forEach((source, i) => {
    for (const field of ["id", "path"] as const) {
      const first = firstWith[field].get(source[field]);
      if (first === undefined) firstWith[field].set(source[field], i);
      else {
        context.addIssue({
          code: "custom",
          path: ["sources", i, field],
          message: `"${source[field]}" is taken by source "${sources[first]?.id}"`,
        });
      }
    }
  });
});
/** See {@linkcode WebhookReceiver}. */
export type WebhookReceiver = z.infer<typeof WebhookReceiver>;

type Problem = { readonly path: (string | number)[]; readonly message: string };
type Fields = z.infer<typeof sourceFields>;

function merged(raw: Fields) {
  const preset: Preset | undefined = raw.preset === undefined ? undefined : PRESETS[raw.preset];
  const fields = preset === undefined ? undefined : SignatureFields.parse(preset.signature);
  const signature = { ...fields, ...raw.signature };
  return {
    signature,
    secretEnv: raw.secret_env ?? signature.secret_env,
    previousEnv: raw.previous_secret_env ?? signature.previous_secret_env,
    previousUntil: raw.previous_secret_until ?? signature.previous_secret_until,
    kindFrom: raw.event_kind_from ?? preset?.event_kind_from,
    dedupe: raw.dedupe ?? (preset === undefined ? undefined : DedupeFields.parse(preset.dedupe)),
    response: raw.response ?? ResponseFields.parse(preset?.response ?? {}),
    publishTo: raw.publish_to ?? `webhook.${raw.id}.{event_kind}`,
  };
}

function* problemsOf(raw: Fields): Generator<Problem> {
  const { signature, secretEnv, previousEnv, previousUntil, kindFrom, publishTo } = merged(raw);
  const needed = (path: string[], value: unknown): Problem[] =>
    value === undefined ? [{ path, message: "is required without a preset that gives it" }] : [];
  yield* needed(["signature", "algorithm"], signature.algorithm);
  yield* needed(["signature", "header"], signature.header);
  yield* needed(["event_kind_from"], kindFrom);
  if (secretEnv === undefined) yield { path: ["secret_env"], message: "is required" };
  for (const name of ["secret_env", "previous_secret_env", "previous_secret_until"] as const) {
    const [outer, inner] = [raw[name], raw.signature?.[name]];
    if (outer !== undefined && inner !== undefined && outer !== inner) {
      yield { path: [name], message: `differs from signature.${name}` };
    }
  }
  if ((previousEnv === undefined) !== (previousUntil === undefined)) {
    const missing = previousEnv === undefined ? "previous_secret_env" : "previous_secret_until";
    yield { path: [missing], message: "previous_secret_env and previous_secret_until go together" };
  }
  if (OWN_SEGMENTS.has(raw.path.split("/")[1] ?? "")) {
    yield { path: ["path"], message: `"${raw.path}" belongs to the edge itself` };
  }
  yield* signedProblems(raw);
  yield* subjectProblems(publishTo);
}

function* signedProblems(raw: Fields): Generator<Problem> {
  const { signature, dedupe } = merged(raw);
  const path = ["signature", "signed"];
  const signed = signature.signed ?? "{body}";
  const unknown = /\{(?!(timestamp|id|body)\})[^}]*\}/.exec(signed);
  if (unknown !== null) {
    yield { path, message: `"${unknown[0]}" is not {timestamp}, {id} or {body}` };
  }
  if (!signed.includes("{body}")) yield { path, message: "must contain {body}" };
  if (signed.includes("{timestamp}") && signature.timestamp === undefined) {
    yield {
      path: ["signature", "timestamp"],
      message: "is required because signed has {timestamp}",
    };
  }
  if (signed.includes("{id}") && dedupe?.header === undefined) {
    yield { path: ["dedupe"], message: "needs a header because signed has {id}" };
  }
  if (signature.timestamp?.part !== undefined && signature.parts === undefined) {
    yield { path: ["signature", "parts"], message: "is required because timestamp is a part" };
  }
}

function* subjectProblems(publishTo: string): Generator<Problem> {
  const path = ["publish_to"];
  const rendered = renderSubject(publishTo, "kind");
  if (!isSubject(rendered)) {
    yield {
      path,
      message: `"${publishTo}" gives no valid subject: tokens joined by dots, no wildcards`,
    };
    return;
  }
  if (/[{}]/.test(rendered)) {
    yield { path, message: `"${publishTo}" has a placeholder other than {event_kind}` };
    return;
  }
  // A kind is the sender's word, so a token that holds it can become any token.
  const pattern = publishTo.split(".").map((token) => token.includes("{event_kind}") ? "*" : token)
    .join(".");
  const reserved = RESERVED_PATTERNS.find((other) => patternsIntersect(other, pattern));
  if (reserved !== undefined) yield { path, message: `"${publishTo}" reaches into "${reserved}"` };
}

/** Fills in preset and defaults of a source that {@linkcode WebhookSource} has parsed. Pure. */
export function resolveSource(raw: WebhookSource): ResolvedSource {
  const {
    signature,
    secretEnv,
    previousEnv,
    previousUntil,
    kindFrom,
    dedupe,
    response,
    publishTo,
  } = merged(raw);
  const { timestamp } = signature;
  return ResolvedSource.parse({
    id: raw.id,
    path: raw.path,
    preset: raw.preset ?? null,
    enabled: raw.enabled,
    account_id: raw.account_id ?? null,
    publish_to: publishTo.replaceAll("${event_kind}", "{event_kind}"),
    signature: {
      algorithm: signature.algorithm,
      header: signature.header?.toLowerCase(),
      prefix: signature.prefix ?? "",
      encoding: signature.encoding ?? "hex",
      signed: signature.signed ?? "{body}",
      parts: signature.parts ?? null,
      timestamp: timestamp === undefined ? null : {
        from: timestamp.part === undefined ? "header" : "part",
        name: timestamp.part ?? timestamp.header?.toLowerCase(),
        tolerance_ms: timestamp.tolerance_secs * 1000,
        format: timestamp.format,
      },
    },
    secret_env: secretEnv,
    previous_secret_env: previousEnv ?? null,
    previous_secret_until_ms: previousUntil === undefined ? null : Date.parse(previousUntil),
    event_kind_from: kindFrom?.kind === "header"
      ? { kind: "header", name: kindFrom.name.toLowerCase() }
      : kindFrom,
    dedupe: resolveDedupe(dedupe),
    response: {
      status: response.status,
      body: response.body ?? null,
      content_type: response.content_type ?? null,
    },
    body_cap_bytes: raw.body_cap_bytes ?? null,
    rate_limit: raw.rate_limit ?? null,
    concurrency_cap: raw.concurrency_cap ?? null,
  });
}

function resolveDedupe(dedupe: z.infer<typeof DedupeFields> | undefined): ResolvedSource["dedupe"] {
  const {
    header = dedupe === undefined ? CUSTOMARY_ID_HEADERS : undefined,
    json_pointer: pointer,
  } = dedupe ?? {};
  const own = dedupe?.window_secs === undefined ? undefined : dedupe.window_secs * 1000;
  const id = { window_ms: own ?? ID_WINDOW_MS, fallback_window_ms: BODY_HASH_WINDOW_MS };
  if (header !== undefined) {
    return { by: "header", names: [header].flat().map((name) => name.toLowerCase()), ...id };
  }
  if (pointer !== undefined) return { by: "json_pointer", pointer, ...id };
  return { by: "body_hash", window_ms: own ?? BODY_HASH_WINDOW_MS };
}
