/**
 * The digest that names are made of.
 *
 * @module
 */
import { hash } from "node:crypto";

/**
 * SHA-256 of a text as UTF-8, in lower-case hex. In one call, at half the price of a hash object, and as a
 * text, since bytes would lie outside the heap.
 */
export function sha256(text: string): string {
  return hash("sha256", text, "hex");
}
