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
/** One, or several of which the first that a request carries counts. */
const headerNames = z.union([headerName, z.array(headerName).min(1).max(8)]);
/** Dot-separated members of a body, digits being places in a list: `events.0.type`. */
const bodyPaths = z.union([name, z.array(name).min(1).max(8)]);

/** The name of an environment variable or secret. */
export const SecretName = name;

/** Where the internet finds something of ours. */
export const PublicUrl = z.string().trim().regex(
  /^https?:\/\/[^\s?#]+$/,
  "must be a URL such as https://hooks.example.com, without ? and #",
);

/**
 * When the sender signed: in a header of its own, in a part of the signature header, or in the body.
 *
 * A header guards against replays only when `signature.signed` contains `{timestamp}`.
 */
export const TimestampFields = z.strictObject({
  header: headerNames.optional(),
  /** The key of the part that holds it, with `signature.parts`; `t` for Stripe. */
  part: name.optional(),
  /** The member of a JSON body that holds it; `webhookTimestamp` for Linear. */
  body: name.optional(),
  /** How far it may be from now, in seconds, before or after. */
  tolerance_secs: z.int().positive().default(300),
  format: z.enum(["unix", "unix_ms", "rfc3339"]).default("unix"),
}).refine(
  (it) => [it.header, it.part, it.body].filter((way) => way !== undefined).length === 1,
  { message: "needs exactly one of header, part and body" },
);

/** How a signature header that carries several `key<assign>value` parts is taken apart. */
export const PartsFields = z.strictObject({
  separator: z.string().min(1).default(","),
  assign: z.string().min(1).default("="),
  /** The key of the parts that are signatures; any one of them that fits is enough. */
  signature: name,
});

/** What proves a request: an HMAC, an Ed25519 signature, or the secret itself. */
export const SignatureAlgorithm = z.enum(["hmac-sha256", "hmac-sha1", "ed25519", "raw-token"]);

/** How a signature is written. */
export const SignatureEncoding = z.enum(["hex", "base64", "base64url"]);

/** How a secret stands for the bytes of its key; `base64` may begin with `whsec_`, `whpk_` or `whsk_`. */
export const SecretFormat = z.enum(["text", "hex", "base64"]);

/** How a sender proves that a request is its own. */
export const SignatureFields = z.strictObject({
  algorithm: SignatureAlgorithm.optional(),
  header: headerNames.optional(),
  /** What stands before the signature, such as `sha256=`; a value without it is refused. */
  prefix: z.string().optional(),
  encoding: SignatureEncoding.optional(),
  secret_format: SecretFormat.optional(),
  /**
   * What is signed: `{timestamp}`, `{id}`, `{body}`, `{url}` (the public address, query included) and
   * `{form}` (the fields of a form body, sorted, names and values joined) stand for the request's.
   */
  signed: z.string().optional(),
  /** The query parameter of a signed `{url}` that holds the hex SHA-256 of a body that is no form. */
  body_hash_query: name.optional(),
  parts: PartsFields.optional(),
  timestamp: TimestampFields.optional(),
  secret_env: SecretName.optional(),
  previous_secret_env: SecretName.optional(),
  previous_secret_until: z.iso.datetime({ offset: true }).optional(),
});

/** Where the name of an event stands. */
export const EventKindFrom = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("header"), name: headerName }),
  z.strictObject({
    kind: z.literal("body"),
    /** The first of these members that is a text counts. */
    path: bodyPaths,
    /** Names for values, numbers too; a value without one stays as it is. */
    names: z.record(name, name).optional(),
    /** The kind of an event that has none of the members. */
    otherwise: name.optional(),
  }),
  /** The body's one member that is not among `beside`, as in Telegram's updates. */
  z.strictObject({ kind: z.literal("member"), beside: z.array(name).min(1).max(16) }),
]);
/** See {@linkcode EventKindFrom}. */
export type EventKindFrom = z.infer<typeof EventKindFrom>;

const pointer = z.string().regex(/^(\/([^~]|~[01])*)+$/, "must be a JSON pointer such as /id");

/** What tells a delivery from its repetition. A request without its id falls back to the body's hash. */
export const DedupeFields = z.strictObject({
  header: headerNames.optional(),
  /** RFC 6901, such as `/id`; `*` stands for every item of a list. What several find counts together. */
  json_pointer: z.union([pointer, z.array(pointer).min(1).max(8)]).optional(),
  body_hash: z.literal(true).optional(),
  /** How long a key is remembered, in seconds: ids 72 hours, body hashes 5 minutes. */
  window_secs: z.int().positive().max(30 * 24 * 3600).optional(),
}).refine(
  (it) =>
    [it.header, it.json_pointer, it.body_hash].filter((way) => way !== undefined).length === 1,
  { message: "needs exactly one of header, json_pointer and body_hash" },
);

const contentType = name.regex(/^[\x20-\x7e]+$/, "must be plain ASCII");
const status = z.int().min(200).max(299);
const hasBodyless = (it: { status: number }): boolean => it.status === 204 || it.status === 205;
const BODYLESS = {
  message: "a response with a body needs another status than 204 or 205",
  path: ["status"],
};

/** What a sender is told when its event is kept. */
export const ResponseFields = z.strictObject({
  status: status.default(204),
  body: z.string().max(4096).optional(),
  content_type: contentType.optional(),
  /** How long the sender waits; an event that is not on disk by then is answered 503, to be sent again. */
  within_ms: z.int().positive().optional(),
}).refine((it) => it.body === undefined || !hasBodyless(it), BODYLESS);

/**
 * What a sender is told instead, when the body says so: a challenge, a ping, a kind of event that wants
 * an answer of its own. Only an exact match counts.
 */
export const AnswerFields = z.strictObject({
  /** Members of the body, by dotted path, and what each must be. */
  when: z.record(name, z.union([z.string(), z.number(), z.boolean()]))
    .refine((it) => Object.keys(it).length > 0, "must name a member"),
  status: status.default(200),
  body: z.string().max(4096).optional(),
  /** The member of the body, a text, that is sent back. */
  echo: name.optional(),
  content_type: contentType.optional(),
  /** Whether the event is kept as well; the answer then waits for that. */
  keep: z.boolean().default(false),
  /** False answers before the signature is looked at: for what the provider sends unsigned. */
  signed: z.boolean().default(true),
})
  .refine((it) => (it.body ?? it.echo) === undefined || !hasBodyless(it), BODYLESS)
  .refine((it) => it.body === undefined || it.echo === undefined, "needs either body or echo")
  .refine((it) => it.signed || (!it.keep && it.echo === undefined), {
    message: "what is not signed can neither be kept nor sent back",
    path: ["signed"],
  });

/** A `GET` by which a provider asks whether an address wants its events: Meta's subscription check. */
export const HandshakeFields = z.strictObject({
  /** Query parameters and what each must be. */
  query: z.record(name, z.string()),
  /** The query parameter that must be the verify token. */
  token: name,
  /** The query parameter that is sent back. */
  echo: name,
});

/** How a form body becomes JSON: an object of its fields, or what one field holds as JSON. */
export const FormFields = z.strictObject({
  /** The field that is the event itself when a form has it; `payload` for Slack and GitHub. */
  json: name.optional(),
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
