/**
 * The bytes a sender signs, from a template such as `v0:{timestamp}:{body}`.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/** What the placeholders of a template stand for in one request. */
export interface SignedValues {
  readonly timestamp: string;
  readonly id: string;
  readonly body: Bytes;
}

const encoder = new TextEncoder();

/** Compiles a template once; the plain `{body}` gives the body itself, without a copy. */
export function compileSigned(template: string): (values: SignedValues) => Bytes {
  if (template === "{body}") return ({ body }) => body;
  const parts = template.split(/\{(timestamp|id|body)\}/);
  return (values) => {
    // Texts and placeholders alternate.
    return concat(parts.map((part, i) => {
      if (i % 2 === 0) return encoder.encode(part);
      if (part === "body") return values.body;
      return encoder.encode(part === "id" ? values.id : values.timestamp);
    }));
  };
}

function concat(chunks: readonly Bytes[]): Bytes {
  const whole = new Uint8Array(chunks.reduce((length, chunk) => length + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}
