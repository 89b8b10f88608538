/**
 * An oracle's source and bodies it can sign.
 *
 * @module
 */
import fc from "fast-check";
import { resolveSource, WebhookSource } from "../../../core/contract/mod.ts";
import type { SigningSource } from "../../../core/signing/verifier.ts";
import type { Oracle } from "./oracle.ts";

/** The source an operator would write for an oracle. */
export function sourceOf(
  { preset, source, secret }: Oracle,
  change: Partial<SigningSource> = {},
): SigningSource {
  const raw = { id: "s", path: "/s", preset, secret_env: "S", ...source };
  return { ...resolveSource(WebhookSource.parse(raw)), secret, previous_secret: null, ...change };
}

const encoder = new TextEncoder();
const field = fc.string({ unit: "binary", minLength: 1, maxLength: 12 });

/** A body: Linear's timestamp always inside, escaped unicode often, bytes of any kind where they may be. */
export function bodiesOf({ bodies }: Oracle, nowMs: number): fc.Arbitrary<Uint8Array<ArrayBuffer>> {
  const json = fc.jsonValue({ maxDepth: 2 }).map((data) =>
    JSON.stringify({ webhookTimestamp: nowMs, data, text: "é@🙂" })
  );
  const escaped = json.map((it) =>
    it.replaceAll(
      /[^\x20-\x7e]/g,
      (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`,
    )
  );
  const forms = fc.array(fc.tuple(field, field), { minLength: 1, maxLength: 6 })
    .map((pairs) => new URLSearchParams(pairs).toString());
  const texts = bodies === "form" ? forms : fc.oneof(json, escaped);
  const asBytes = texts.map((it) => encoder.encode(it));
  return bodies === undefined
    ? fc.oneof(asBytes, fc.uint8Array({ maxLength: 200 }).map((it) => Uint8Array.from(it)))
    : asBytes;
}
