/**
 * The parts a webhook source is made of, as an operator or a preset writes them.
 *
 * @module
 */
import { z } from "zod";

const name = z.string().trim().min(1, "must not be empty");
const headerName = name.regex(
  /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/,
  "must be the name of an HTTP header",
);

/** The name of an environment variable or secret. */
export const SecretName = name;

/**
 * When the sender signed, read from a header of its own or from a part of the signature header.
 *
 * It guards against replays only when `signature.signed` contains `{timestamp}`.
 */
export const TimestampFields = z.strictObject({
  header: headerName.optional(),
  /** The key of the part that holds it, with `signature.parts`; `t` for Stripe. */
  part: name.optional(),
  /** How far it may be from now, in seconds, before or after. */
  tolerance_secs: z.int().positive().default(300),
  format: z.enum(["unix", "unix_ms", "rfc3339"]).default("unix"),
}).refine((it) => (it.header === undefined) !== (it.part === undefined), {
  message: "needs either header or part",
});

/** How a signature header that carries several `key<assign>value` parts is taken apart. */
export const PartsFields = z.strictObject({
  separator: z.string().min(1).default(","),
  assign: z.string().min(1).default("="),
  /** The key of the parts that are signatures; any one of them that fits is enough. */
  signature: name,
});

/** How a sender proves that a request is its own. */
export const SignatureFields = z.strictObject({
  algorithm: z.enum(["hmac-sha256", "hmac-sha1", "raw-token"]).optional(),
  header: headerName.optional(),
  /** What stands before the signature, such as `sha256=`; a value without it is refused. */
  prefix: z.string().optional(),
  encoding: z.enum(["hex", "base64"]).optional(),
  /** What is signed: `{timestamp}`, `{id}` and `{body}` stand for the values of the request. */
  signed: z.string().optional(),
  parts: PartsFields.optional(),
  timestamp: TimestampFields.optional(),
  secret_env: SecretName.optional(),
  previous_secret_env: SecretName.optional(),
  previous_secret_until: z.iso.datetime({ offset: true }).optional(),
});

/** Where the name of an event stands: in a header, or under object keys of a JSON body. */
export const EventKindFrom = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("header"), name: headerName }),
  z.strictObject({ kind: z.literal("body"), path: name }),
]);
/** See {@linkcode EventKindFrom}. */
export type EventKindFrom = z.infer<typeof EventKindFrom>;

/** What tells a delivery from its repetition. A request without its id falls back to the body's hash. */
export const DedupeFields = z.strictObject({
  /** One header, or several of which the first present counts. */
  header: z.union([headerName, z.array(headerName).min(1).max(8)]).optional(),
  /** RFC 6901, such as `/id`. */
  json_pointer: z.string().regex(/^(\/([^~]|~[01])*)+$/, "must be a JSON pointer such as /id")
    .optional(),
  body_hash: z.literal(true).optional(),
  /** How long a key is remembered, in seconds: ids 72 hours, body hashes 5 minutes. */
  window_secs: z.int().positive().max(30 * 24 * 3600).optional(),
}).refine(
  (it) =>
    [it.header, it.json_pointer, it.body_hash].filter((way) => way !== undefined).length === 1,
  { message: "needs exactly one of header, json_pointer and body_hash" },
);

/** What a sender is told when its event is kept. */
export const ResponseFields = z.strictObject({
  status: z.int().min(200).max(299).default(204),
  body: z.string().max(4096).optional(),
  content_type: name.regex(/^[\x20-\x7e]+$/, "must be plain ASCII").optional(),
}).refine((it) => it.body === undefined || (it.status !== 204 && it.status !== 205), {
  message: "a response with a body needs another status than 204 or 205",
  path: ["status"],
});

/** A token bucket. 0 in either field means no limit. */
export const RateLimit = z.strictObject({
  /** Requests per second that flow back. */
  rps: z.number().min(0).max(1000),
  /** Requests that may come at once. */
  burst: z.int().min(0),
});
/** See {@linkcode RateLimit}. */
export type RateLimit = z.infer<typeof RateLimit>;
