/**
 * What bytes are, by themselves.
 *
 * @module
 */

/** Bytes at an offset that give a type away; `at` counts from the start. */
const SIGNATURES: readonly (readonly [type: string, at: number, bytes: string])[] = [
  ["image/jpeg", 0, "\xff\xd8\xff"],
  ["image/png", 0, "\x89PNG\r\n\x1a\n"],
  ["image/gif", 0, "GIF87a"],
  ["image/gif", 0, "GIF89a"],
  ["image/webp", 8, "WEBP"],
  ["image/bmp", 0, "BM"],
  ["image/heic", 4, "ftypheic"],
  ["application/pdf", 0, "%PDF-"],
  ["audio/ogg", 0, "OggS"],
  ["audio/wav", 8, "WAVE"],
  ["audio/flac", 0, "fLaC"],
  ["audio/mpeg", 0, "ID3"],
  ["audio/mpeg", 0, "\xff\xfb"],
  ["audio/mpeg", 0, "\xff\xf3"],
  ["audio/amr", 0, "#!AMR"],
  ["audio/mp4", 4, "ftypM4A"],
  ["video/mp4", 4, "ftyp"],
  ["video/webm", 0, "\x1a\x45\xdf\xa3"],
  ["application/zip", 0, "PK\x03\x04"],
  ["application/gzip", 0, "\x1f\x8b"],
];
const HTML = /^\s*(?:<!--[\s\S]*?-->\s*)*<(?:!doctype\s+html|html|head|body|script|iframe|svg)\b/i;
// oxlint-disable-next-line no-control-regex -- control characters are what it looks for
const BINARY = /[\0-\x08\x0e-\x1a\x1c-\x1f\ufffd]/;
/** Enough of a text to see that it is one. */
const HEAD_BYTES = 4096;

/** The media type of `bytes`, whatever anybody says of them; `application/octet-stream` when unclear. */
export function sniffType(bytes: Uint8Array): string {
  const head = Buffer.from(bytes.subarray(0, 64)).toString("latin1");
  for (const [type, at, signature] of SIGNATURES) if (head.startsWith(signature, at)) return type;
  const text = new TextDecoder().decode(bytes.subarray(0, HEAD_BYTES), { stream: true });
  if (bytes.length === 0 || BINARY.test(text)) return "application/octet-stream";
  return HTML.test(text) ? "text/html" : "text/plain";
}
