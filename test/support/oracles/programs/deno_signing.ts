/**
 * A program for Deno without any permission: verifies the requests on its standard input, signs their
 * bodies itself, and prints what came of both.
 *
 * @module
 */
import process from "node:process";
import { json } from "node:stream/consumers";
import { decodeBase64 } from "../../../../core/signing/bytes.ts";
import { sign } from "../../../../core/signing/sign.ts";
import { createVerifier, type SigningSource } from "../../../../core/signing/verifier.ts";

/** One request to verify, and the body to sign. */
export interface DenoCase {
  readonly source: SigningSource;
  readonly headers: Readonly<Record<string, string>>;
  readonly query: string;
  readonly bodyBase64: string;
  readonly contentType: string;
  readonly nowMs: number;
  readonly id: string;
}

/** What came of a case. */
export interface DenoResult {
  readonly verdict: Awaited<ReturnType<ReturnType<typeof createVerifier>>>;
  readonly signed: Awaited<ReturnType<typeof sign>>;
}

const cases = await json(process.stdin) as DenoCase[];
const results = await Promise.all(
  cases.map(async ({ source, headers, query, bodyBase64, contentType, nowMs, id }) => {
    const body = decodeBase64(bodyBase64) ?? new Uint8Array();
    const verdict = await createVerifier(source)({
      headers: new Headers(headers),
      query,
      body,
      nowMs,
    });
    return { verdict, signed: await sign(source, { body, nowMs, id, contentType }) };
  }),
);
process.stdout.write(JSON.stringify(results));
