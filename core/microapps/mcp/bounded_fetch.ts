/**
 * Requests whose answers cannot fill memory.
 *
 * @module
 */

/** A fetch, as the MCP SDK calls it. */
export type FetchLike = (url: string | URL, init?: RequestInit) => Promise<Response>;

const NEWLINE = 0x0a;

/**
 * Returns a fetch that cuts an answer off once a single message in it is longer than `maxBytes`. A
 * stream of events may go on for ever; a blank line begins the next message.
 */
export function boundedFetch(maxBytes: number, inner: FetchLike = fetch): FetchLike {
  return async function fetchBounded(url, init) {
    const response = await inner(url, init);
    if (response.body === null) return response;
    const isStream = response.headers.get("content-type")?.startsWith("text/event-stream") === true;
    const body = response.body.pipeThrough(limiter(maxBytes, isStream));
    return new Response(body, response);
  };
}

function limiter(maxBytes: number, isStream: boolean): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  let last = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const end = isStream ? lastBlankLine(chunk, last) : -1;
      bytes = end === -1 ? bytes + chunk.length : chunk.length - end;
      last = chunk[chunk.length - 1] ?? last;
      if (bytes > maxBytes) {
        controller.error(new RangeError(`Cannot read the answer: over ${maxBytes} bytes`));
      } else controller.enqueue(chunk);
    },
  });
}

/** Where the last blank line of a chunk ends; −1 when there is none. `before` is the byte before it. */
function lastBlankLine(chunk: Uint8Array, before: number): number {
  for (let at = chunk.length - 1; at >= 0; at--) {
    if (chunk[at] !== NEWLINE) continue;
    if ((at === 0 ? before : chunk[at - 1]) === NEWLINE) return at + 1;
  }
  return -1;
}
