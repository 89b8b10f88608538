/**
 * The digest that names are made of.
 *
 * @module
 */
import { hash } from "node:crypto";

/** SHA-256 of a text as UTF-8: 32 bytes. In one call, at half the price of a hash object. */
export function sha256(text: string): Uint8Array {
  return hash("sha256", text, "buffer");
}
