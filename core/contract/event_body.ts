/**
 * The body of an event: what came, and what it says. Each is made of the other when somebody asks.
 *
 * @module
 */

/** A JSON value, and that there is one. */
export type Json = { readonly value: unknown };

/** A body on its way. Most ways need one of its sides only, and parsing costs more than most gates. */
export interface EventBody {
  /** As they came, or the text of the JSON it was made of. */
  readonly bytes: Uint8Array;
  /** What the bytes say; undefined when they are no JSON in UTF-8. */
  readonly json: Json | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

/** A body as it came. */
export function bodyOfBytes(bytes: Uint8Array): EventBody {
  return new BodyOfBytes(bytes);
}

/** A body that begins as a value. */
export function bodyOfJson(value: unknown): EventBody {
  return new BodyOfJson(value);
}

class BodyOfBytes implements EventBody {
  readonly bytes: Uint8Array;
  #json: Json | undefined | "unread" = "unread";

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
  }

  get json(): Json | undefined {
    if (this.#json === "unread") this.#json = parseJson(this.bytes);
    return this.#json;
  }
}

class BodyOfJson implements EventBody {
  readonly json: Json;
  #bytes: Uint8Array | undefined;

  constructor(value: unknown) {
    this.json = { value };
  }

  get bytes(): Uint8Array {
    // What has no JSON text has no bytes.
    return this.#bytes ??= encoder.encode(JSON.stringify(this.json.value) ?? "");
  }
}

function parseJson(bytes: Uint8Array): Json | undefined {
  try {
    return { value: JSON.parse(decoder.decode(bytes)) as unknown };
  } catch {
    return undefined;
  }
}

/** A body as an envelope shows it: its JSON, or `{raw_base64}` of what is none. */
export function shownBody({ bytes, json }: EventBody): unknown {
  return json === undefined ? { raw_base64: encodeBase64(bytes) } : json.value;
}

/** Standard base64 with padding. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = "";
  // A spread of more arguments than this can overflow the stack.
  for (let i = 0; i < bytes.length; i += 8192) {
    text += String.fromCharCode(...bytes.subarray(i, i + 8192));
  }
  return btoa(text);
}
