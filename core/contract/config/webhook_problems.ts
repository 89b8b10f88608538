/**
 * What no single field of a webhook source shows: parts that are missing or do not fit together.
 *
 * @module
 */
import { compileSubject, isSubject, patternsIntersect, RESERVED_PATTERNS } from "../subjects.ts";
import { type SourceFields, withPreset } from "./webhook_source.ts";

/** First path segments the edge keeps for itself. */
const OWN_SEGMENTS = new Set(
  "healthz readyz metrics openapi.json rpc chat firehose apps channels console session".split(" "),
);

/** A place in a source and what is wrong there. */
export interface SourceProblem {
  readonly path: (string | number)[];
  readonly message: string;
}

/** Everything wrong with a source whose fields are right. */
export function* sourceProblems(raw: SourceFields): Generator<SourceProblem> {
  const { signature, secretEnv, kindFrom, publishTo } = withPreset(raw);
  const needed = (path: string[], value: unknown): SourceProblem[] =>
    value === undefined ? [{ path, message: "is required without a preset that gives it" }] : [];
  yield* needed(["signature", "algorithm"], signature.algorithm);
  yield* needed(["signature", "header"], signature.header);
  yield* needed(["event_kind_from"], kindFrom);
  if (secretEnv === undefined) yield { path: ["secret_env"], message: "is required" };
  yield* secretProblems(raw);
  if (OWN_SEGMENTS.has(raw.path.split("/")[1] ?? "")) {
    yield { path: ["path"], message: `"${raw.path}" belongs to the edge itself` };
  }
  yield* signedProblems(raw);
  yield* subjectProblems(publishTo);
}

function* secretProblems(raw: SourceFields): Generator<SourceProblem> {
  const { handshake, previousEnv, previousUntil } = withPreset(raw);
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
  if (raw.verify_token_env !== undefined && handshake === undefined) {
    yield { path: ["verify_token_env"], message: "needs a handshake" };
  }
}

function* signedProblems(raw: SourceFields): Generator<SourceProblem> {
  const { signature, dedupe } = withPreset(raw);
  const path = ["signature", "signed"];
  const signed = signature.signed ?? "{body}";
  const isToken = signature.algorithm === "raw-token";
  const unknown = /\{(?!(timestamp|id|body|url|form)\})[^}]*\}/.exec(signed);
  if (unknown !== null) {
    yield { path, message: `"${unknown[0]}" is not {timestamp}, {id}, {body}, {url} or {form}` };
  }
  // The hash of a body that is no form stands in the address, which then must be signed.
  const isWhole = signed.includes("{body}") ||
    (signed.includes("{form}") && signed.includes("{url}") &&
      signature.body_hash_query !== undefined);
  if (!isWhole && !isToken) {
    yield { path, message: "must contain {body}, or {url} and {form} with body_hash_query" };
  }
  const { timestamp } = signature;
  const isInBody = timestamp?.body !== undefined;
  if (signed.includes("{timestamp}") && (timestamp === undefined || isInBody)) {
    yield {
      path: ["signature", "timestamp"],
      message: "is required outside the body because signed has {timestamp}",
    };
  }
  if (signed.includes("{id}") && dedupe?.header === undefined) {
    yield { path: ["dedupe"], message: "needs a header because signed has {id}" };
  }
  if (timestamp?.part !== undefined && signature.parts === undefined) {
    yield { path: ["signature", "parts"], message: "is required because timestamp is a part" };
  }
}

function* subjectProblems(publishTo: string): Generator<SourceProblem> {
  const path = ["publish_to"];
  const rendered = compileSubject(publishTo)("kind");
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
