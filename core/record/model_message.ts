/**
 * The model's own message of a transcript's entry, as its column holds it.
 *
 * @module
 */
import type { TranscriptRole } from "../contract/mod.ts";
import type { Sealer } from "../store/sealer.ts";

/** The entry a message belongs to; it opens beside no other. */
export interface MessagePlace {
  readonly account: string;
  readonly role: TranscriptRole;
  /** Redacted. */
  readonly body: string;
  readonly messageId: string;
}

/** In place of a sealed message that would only say again what role and body say in clear. */
const BODY_SAYS_IT = Uint8Array.of(0);

/** The column's value for a message; undefined is none. */
export function sealMessage(
  sealer: Sealer,
  place: MessagePlace,
  message: unknown,
): Uint8Array | null {
  if (message === undefined) return null;
  return isSaidBy(place, message)
    ? BODY_SAYS_IT
    : sealer.seal(whereOf(place), JSON.stringify(message));
}

/**
 * The message that {@linkcode sealMessage} was given.
 *
 * @throws {CodedError} `sealed_unreadable`
 */
export function openMessage(
  sealer: Sealer,
  place: MessagePlace,
  column: Uint8Array | null,
): unknown {
  if (column === null) return undefined;
  if (column.length === BODY_SAYS_IT.length && column[0] === BODY_SAYS_IT[0]) {
    return { role: place.role, content: place.body };
  }
  return JSON.parse(sealer.openText(whereOf(place), column)) as unknown;
}

/** Whether a message is no more than its role and a body that redaction left as it was. */
function isSaidBy({ role, body }: MessagePlace, message: unknown): boolean {
  if (typeof message !== "object" || message === null) return false;
  const said = message as Record<string, unknown>;
  return said["role"] === role && said["content"] === body && Object.keys(said).length === 2;
}

function whereOf({ account, messageId }: MessagePlace) {
  return { table: "transcripts", account, id: messageId };
}
