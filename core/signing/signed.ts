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
  /** The public address with the query. */
  readonly url: string;
  /** The fields of a form, sorted, names and values joined. */
  readonly form: string;
}

/** Compiles a template once. The body stays as it is, for whoever can do without a copy. */
export function compileSigned(template: string): (values: SignedValues) => MacInput {
  if (template === "{body}") return ({ body }) => [body];
  // Texts and placeholders alternate.
  const parts = template.split(/\{(timestamp|id|body|url|form)\}/);
  return (values) => {
    const input: (string | Bytes)[] = [];
    let text = "";
    for (const [i, part] of parts.entries()) {
      if (i % 2 === 0) text += part;
      else if (part === "body") {
        input.push(text, values.body);
        text = "";
      } else text += values[part as Exclude<keyof SignedValues, "body">];
    }
    if (text !== "") input.push(text);
    return input;
  };
}
