/**
 * Tells whether a request was signed by who shares a source's secret.
 *
 * @module
 */
import type { EdgeSource } from "../contract/mod.ts";
import { readAddressed } from "./address.ts";
import { andThen, type Soon } from "./at_once.ts";
import { type Bytes, equalBytes } from "./bytes.ts";
import { firstHeader, type HeaderReader } from "./headers.ts";
import { createEd25519Check, ed25519KeyOf, keyOf } from "./keys.ts";
import { type CreateMac, createMac as createWebMac, joinedBytes } from "./mac.ts";
import { readSignatures, type Signatures, type SignaturesFailure } from "./signature_header.ts";
import { compileSigned, type SignedValues } from "./signed.ts";
import { bodyTimestamp, type TimestampFailure, timestampProblem } from "./timestamps.ts";

/** What of a source decides how it is signed. */
export type SigningSource = Pick<
  EdgeSource,
  | "path"
  | "public_url"
  | "signature"
  | "dedupe"
  | "secret"
  | "previous_secret"
  | "previous_secret_until_ms"
>;

/** One request to check. */
export interface VerifyInput {
  readonly headers: HeaderReader;
  /** The raw bytes as received. */
  readonly body: Bytes;
  /** From `?` on, as sent; only signatures over an address look at it. */
  readonly query?: string | undefined;
  readonly nowMs: number;
}

/** Why a request is refused; for logs, not for the sender. */
export type VerifyFailure =
  | SignaturesFailure
  | TimestampFailure
  | "secret_missing"
  | "signature_mismatch"
  | "body_not_covered"
  | "id_missing";

/**
 * `timestamp` is the sender's own text when the signature covers it, else null; `previous` says that
 * the previous secret was needed.
 */
export type Verdict =
  | { readonly ok: true; readonly timestamp: string | null; readonly previous: boolean }
  | Refused;

/** Checks one request; the verdict is there at once where the runtime's own HMAC is. */
export type Verify = (input: VerifyInput) => Soon<Verdict>;

type Refused = { readonly ok: false; readonly reason: VerifyFailure };
type Matcher = (signatures: readonly Bytes[], values: SignedValues) => Soon<boolean>;

/**
 * Returns a {@linkcode Verify} with the source's keys and template prepared.
 *
 * `createMac` may bring a runtime's own HMAC: where WebCrypto hops to another thread, that hop costs
 * more than the rest of a request.
 */
export function createVerifier(
  source: SigningSource,
  createMac: CreateMac = createWebMac,
): Verify {
  const { signature, secret, previous_secret: previous, previous_secret_until_ms: untilMs } =
    source;
  const matcher = createMatcher(signature, secret, createMac);
  if (matcher === undefined) return () => refused("secret_missing");
  const fits: Matcher = matcher;
  const fitsPrevious = untilMs === null ? undefined : createMatcher(signature, previous, createMac);
  const isToken = signature.algorithm === "raw-token";
  const timestampIsSigned = !isToken && signature.signed.includes("{timestamp}");
  const isAddressed = !isToken && signature.signed.includes("{url}");
  const idHeaders = source.dedupe.by === "header" && signature.signed.includes("{id}")
    ? source.dedupe.names
    : undefined;

  function judge(
    signatures: readonly Bytes[],
    candidates: readonly SignedValues[],
    { body, nowMs }: VerifyInput,
    timestamp: string | null,
  ): Soon<Verdict> {
    const passed = (isPrevious: boolean): Verdict => {
      const problem = problemInBody(signature.timestamp, body, nowMs);
      return problem === undefined
        ? { ok: true, timestamp, previous: isPrevious }
        : refused(problem);
    };
    return andThen(fitsAny(fits, signatures, candidates), (isRight) => {
      if (isRight) return passed(false);
      if (fitsPrevious === undefined || untilMs === null || nowMs >= untilMs) return MISMATCH;
      return andThen(
        fitsAny(fitsPrevious, signatures, candidates),
        (wasRight) => wasRight ? passed(true) : MISMATCH,
      );
    });
  }

  return function verify(input) {
    const { headers, body, query = "", nowMs } = input;
    const read = readSignatures(signature, firstHeader(headers, signature.headers));
    if (!read.ok) return read;
    const stamp = readTimestamp(signature.timestamp, read, headers, nowMs);
    if (!stamp.ok) return stamp;
    const id = idHeaders === undefined ? "" : firstHeader(headers, idHeaders);
    if (id === undefined) return refused("id_missing");

    const values = { timestamp: stamp.text, id, body, url: "", form: "" };
    const signedAt = timestampIsSigned ? stamp.text : null;
    const { signatures } = read;
    if (!isAddressed) return judge(signatures, [values], input, signedAt);
    return readAddressed(source, { headers, body, query }).then((addressed) => {
      if (!addressed.ok) return addressed;
      const { urls, form } = addressed;
      return judge(signatures, urls.map((url) => ({ ...values, url, form })), input, signedAt);
    });
  };
}

const MISMATCH = refused("signature_mismatch");

/** What is wrong with a timestamp in the body, which is the sender's once its signature fits. */
function problemInBody(
  rule: SigningSource["signature"]["timestamp"],
  body: Bytes,
  nowMs: number,
): TimestampFailure | undefined {
  if (rule?.from !== "body") return undefined;
  return timestampProblem(rule, bodyTimestamp(body, rule.names[0] ?? ""), nowMs);
}

function refused(reason: VerifyFailure): Refused {
  return { ok: false, reason };
}

function fitsAny(
  fits: Matcher,
  signatures: readonly Bytes[],
  [values, ...others]: readonly SignedValues[],
): Soon<boolean> {
  if (values === undefined) return false;
  return andThen(
    fits(signatures, values),
    (isRight) => isRight || fitsAny(fits, signatures, others),
  );
}

function createMatcher(
  signature: SigningSource["signature"],
  secret: string | null,
  createMac: CreateMac,
): Matcher | undefined {
  const key = secret === null || secret === "" ? undefined : keyOf(signature, secret);
  if (key === undefined) return undefined;
  const { algorithm } = signature;
  if (algorithm === "raw-token") {
    return (given) => given.some((value) => equalBytes(value, key));
  }
  const signedBytes = compileSigned(signature.signed);
  if (algorithm === "ed25519") {
    const halves = ed25519KeyOf(key);
    if (halves === undefined) return undefined;
    const check = createEd25519Check(halves.publicKey);
    return async (given, values) => {
      const data = joinedBytes(signedBytes(values));
      for (const value of given) if (await check(value, data)) return true;
      return false;
    };
  }
  const mac = createMac(algorithm, key);
  return (given, values) =>
    andThen(
      mac(signedBytes(values)),
      (expected) => given.some((value) => equalBytes(value, expected)),
    );
}

function readTimestamp(
  rule: SigningSource["signature"]["timestamp"],
  { parts }: Signatures,
  headers: HeaderReader,
  nowMs: number,
): { readonly ok: true; readonly text: string } | Refused {
  // One in the body is read when the body is known to be the sender's.
  if (rule === null || rule.from === "body") return { ok: true, text: "" };
  const found = rule.from === "header"
    ? [firstHeader(headers, rule.names) ?? ""]
    : parts.filter(([key]) => key === rule.names[0]).map(([, value]) => value);
  const [text = "", ...others] = found;
  if (others.length > 0) return refused("signature_doubled");
  const problem = timestampProblem(rule, text, nowMs);
  return problem === undefined ? { ok: true, text } : refused(problem);
}
