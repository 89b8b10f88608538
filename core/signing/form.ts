/**
 * Form bodies: `application/x-www-form-urlencoded`, read strictly.
 *
 * @module
 */
import type { Bytes } from "./bytes.ts";

/** Name and value of each field, in the order of the body. */
export type FormFields = readonly (readonly [name: string, value: string])[];

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether a `Content-Type` says that a body is a form. */
export function isForm(contentType: string | null): boolean {
  const type = contentType?.split(";", 1)[0] ?? "";
  return type.trim().toLowerCase() === "application/x-www-form-urlencoded";
}

/**
 * The fields of a form body, or undefined when they are no UTF-8: bytes that cannot be told apart as
 * text must not pass as the same signed fields.
 */
export function parseForm(body: Bytes): FormFields | undefined {
  try {
    return utf8.decode(body).split("&").filter((pair) => pair !== "").map((pair) => {
      const at = pair.indexOf("=");
      return at < 0
        ? [unescapeField(pair), ""]
        : [unescapeField(pair.slice(0, at)), unescapeField(pair.slice(at + 1))];
    });
  } catch {
    return undefined;
  }
}

/** A percent sign that begins no escape stands for itself. */
function unescapeField(text: string): string {
  return decodeURIComponent(text.replaceAll("+", " ").replaceAll(/%(?![0-9a-fA-F]{2})/g, "%25"));
}

/** The fields as an object; a name that occurs several times has a list. */
export function formObject(fields: FormFields): Record<string, string | string[]> {
  const values = new Map<string, string | string[]>();
  for (const [name, value] of fields) {
    const known = values.get(name);
    values.set(name, known === undefined ? value : [known, value].flat());
  }
  return Object.fromEntries(values);
}

/** Names and values joined, names sorted by code unit; a repeated field counts once, values sorted. */
export function sortedForm(fields: FormFields): string {
  const order = (a: string, b: string): number => a < b ? -1 : a > b ? 1 : 0;
  return Object.entries(formObject(fields)).sort(([a], [b]) => order(a, b))
    .flatMap(([name, value]) =>
      Array.from(new Set([value].flat())).sort(order).map((one) => name + one)
    ).join("");
}
