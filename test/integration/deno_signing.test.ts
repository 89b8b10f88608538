/**
 * The verifier and the signer on Deno, without any permission, against the providers' own libraries.
 *
 * @module
 */
import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DenoCase, DenoResult } from "../support/oracles/programs/deno_signing.ts";
import type { Oracle, Sent } from "../support/oracles/oracle.ts";
import { ORACLES } from "../support/oracles/providers.ts";
import { bodiesOf, sourceOf } from "../support/oracles/source.ts";

const root = new URL("../../", import.meta.url).pathname;
const nowMs = Math.floor(Date.now() / 1000) * 1000;

async function onDeno(cases: readonly DenoCase[]): Promise<DenoResult[]> {
  const child = spawn(
    `${root}node_modules/deno/deno`,
    ["run", "--no-prompt", "--quiet", `${root}test/support/oracles/programs/deno_signing.ts`],
    { cwd: root, stdio: ["pipe", "pipe", "pipe"] },
  );
  child.stdin.end(JSON.stringify(cases));
  const [out, complaints] = await Promise.all([text(child.stdout), text(child.stderr)]);
  expect(complaints).toBe("");
  return JSON.parse(out) as DenoResult[];
}

interface Attempt {
  readonly oracle: Oracle;
  readonly sent: Sent;
  readonly isSound: boolean;
}

const contentTypeOf = ({ bodies }: Oracle): string =>
  bodies === "form" ? "application/x-www-form-urlencoded" : "application/json";

async function attemptsOf(oracle: Oracle): Promise<Attempt[]> {
  const bodies = fc.sample(bodiesOf(oracle, nowMs), 8);
  const attempts: Attempt[] = [];
  for (const body of bodies) {
    const sent = await oracle.send(body, nowMs, "id-1");
    attempts.push({ oracle, sent, isSound: true });
    const longer = Uint8Array.from([...body, 65]);
    if (oracle.coversBody) {
      attempts.push({ oracle, sent: { ...sent, body: longer }, isSound: false });
    }
    const unsigned = Object.fromEntries(
      Object.entries(sent.headers).filter(([name]) => !/signature|token/.test(name)),
    );
    const isStripped = Object.keys(unsigned).length < Object.keys(sent.headers).length;
    if (isStripped) {
      attempts.push({ oracle, sent: { ...sent, headers: unsigned }, isSound: false });
    }
  }
  return attempts;
}

describe("core/signing on Deno", () => {
  it("accepts what providers sign and nothing else, and signs what they accept", async () => {
    const attempts = (await Promise.all(ORACLES.map(attemptsOf))).flat();
    const results = await onDeno(attempts.map(({ oracle, sent }) => ({
      source: sourceOf(oracle),
      headers: sent.headers,
      query: sent.query,
      bodyBase64: Buffer.from(sent.body).toString("base64"),
      contentType: contentTypeOf(oracle),
      nowMs,
      id: "id-1",
    })));
    expect(results).toHaveLength(attempts.length);
    for (const [i, { oracle, sent, isSound }] of attempts.entries()) {
      const { verdict, signed } = results[i]!;
      expect([oracle.name, verdict.ok]).toEqual([oracle.name, isSound]);
      if (!isSound || oracle.accepts === undefined || oracle.name.endsWith("svix")) continue;
      if (!Buffer.from(Buffer.from(sent.body).toString("utf8")).equals(sent.body)) continue;
      const headers = { ...signed.headers, "content-type": contentTypeOf(oracle) };
      const ours = { headers, query: signed.query, body: sent.body };
      expect([oracle.name, await oracle.accepts(ours, nowMs)]).toEqual([oracle.name, true]);
    }
  });
});
