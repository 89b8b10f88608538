/**
 * What a sender signs, from a template such as `v0:{timestamp}:{body}`.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";
import type { MacInput } from "./mac.ts";

/** What the placeholders of a template stand for in one request. */
export interface SignedValues {
  readonly timestamp: string;
  readonly id: string;
  readonly body: Bytes;
}

/** Compiles a template once. The body stays as it is, for whoever can do without a copy. */
export function compileSigned(template: string): (values: SignedValues) => MacInput {
  if (template === "{body}") return ({ body }) => [body];
  // Texts and placeholders alternate.
  const parts = template.split(/\{(timestamp|id|body)\}/);
  return ({ timestamp, id, body }) => {
    const input: (string | Bytes)[] = [];
    let text = "";
    for (const [i, part] of parts.entries()) {
      if (i % 2 === 0) text += part;
      else if (part === "id") text += id;
      else if (part === "timestamp") text += timestamp;
      else {
        input.push(text, body);
        text = "";
      }
    }
    if (text !== "") input.push(text);
    return input;
  };
}
