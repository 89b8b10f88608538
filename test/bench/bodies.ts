/**
 * Bodies of any size, up and down, as fast as the other side takes and gives them.
 *
 * @module
 */
import { once } from "node:events";
import { type IncomingMessage, request as httpRequest } from "node:http";

const PIECE = new Uint8Array(64 * 1024);

/** Sends `length` bytes to `url`. @throws when they did not all arrive there */
export async function sendBody(url: string, length: number): Promise<void> {
  const outgoing = httpRequest(url, { method: "POST", headers: { "content-length": length } });
  const answered = once(outgoing, "response");
  for (let left = length; left > 0; left -= PIECE.length) {
    const isRoom = outgoing.write(PIECE.subarray(0, Math.min(left, PIECE.length)));
    if (!isRoom) await Promise.race([once(outgoing, "drain"), answered]);
  }
  outgoing.end();
  const [response] = await answered as [IncomingMessage];
  let text = "";
  for await (const chunk of response) text += String(chunk);
  if (text !== String(length)) {
    throw new Error(`Cannot measure: ${text} of ${length} bytes arrived`);
  }
}

/** Reads what `url` gives and drops it. @throws when it is not `length` bytes */
export async function readBody(url: string, length: number): Promise<void> {
  const [response] = await once(httpRequest(url).end(), "response") as [IncomingMessage];
  let bytes = 0;
  for await (const chunk of response) bytes += (chunk as Buffer).length;
  if (bytes !== length) throw new Error(`Cannot measure: ${bytes} of ${length} bytes came`);
}
