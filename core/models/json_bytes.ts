/**
 * How long JSON is.
 *
 * @module
 */

/** What is in a conversation's past is measured again with each turn and each call. */
const known = new WeakMap<object, number>();

/** Bytes of a value's JSON, which must not change later: an object's are counted once. */
export function jsonBytes(value: unknown): number {
  if (typeof value !== "object" || value === null) return bytesOf(value);
  let bytes = known.get(value);
  if (bytes === undefined) {
    bytes = bytesOf(value);
    known.set(value, bytes);
  }
  return bytes;
}

function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value) ?? "");
}
