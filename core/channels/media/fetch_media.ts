/**
 * Fetching what strangers point at: checked addresses, pinned while they are called, with every limit.
 *
 * @module
 */
import type { LookupAddress } from "node:dns";
import { lookup as lookupAll } from "node:dns/promises";
import { type IncomingMessage, request as requestHttp, type RequestOptions } from "node:http";
import { request as requestHttps } from "node:https";
import { isIP, type LookupFunction } from "node:net";
import { callbackify } from "node:util";
import { CodedError, messageOf } from "../../contract/mod.ts";
import { openDeadline } from "../../flow/deadline.ts";
import type { IsAllowedAddress } from "./addresses.ts";
import { sniffType } from "./sniff.ts";

/** A file that was fetched. */
export interface FetchedMedia {
  readonly bytes: Uint8Array;
  /** What the bytes are; what the sender said does not count. */
  readonly mime: string;
}

/** How one file is fetched. */
export interface FetchOptions {
  readonly signal: AbortSignal;
  /** @default {MAX_BYTES} */
  readonly maxBytes?: number;
  /** Sent to the first address only, never to where that points. */
  readonly headers?: Readonly<Record<string, string>>;
  /** An origin the operator wrote into a config file: called wherever it lies. */
  readonly trustedOrigin?: string;
}

/**
 * Fetches a file whole.
 *
 * @throws {CodedError} `fetch_refused` when an address may not be called or a limit is passed,
 * `fetch_failed` when the other side fails
 */
export type FetchMedia = (url: string, options: FetchOptions) => Promise<FetchedMedia>;

/** What fetching needs. */
export interface FetchMediaDeps {
  readonly isAllowed: IsAllowedAddress;
  /** Every address of a host. @default the system's resolver */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
}

/** Most bytes of a file unless the caller says otherwise. */
export const MAX_BYTES = 20 * 1024 * 1024;
const MAX_REDIRECTS = 4;
const LIMIT_MS = 60_000;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** Returns the way to fetch. */
export function createFetchMedia(
  { isAllowed, resolve = resolveHost }: FetchMediaDeps,
): FetchMedia {
  /** Resolves a host once, and connects to one of the addresses that were checked. */
  function pinned(trusted: boolean): LookupFunction {
    return (host, options, done) => {
      const lookUp = callbackify(() => addressesOf(host, trusted));
      lookUp((error, found) => {
        const [first] = found ?? [];
        if (error !== null || first === undefined) done(error, "", 4);
        else if (options.all === true) done(null, found);
        else done(null, first.address, first.family);
      });
    };
  }

  async function addressesOf(host: string, trusted: boolean): Promise<LookupAddress[]> {
    const addresses = await resolve(host);
    // One bad address is enough: a name that points inside at times is up to something.
    const bad = trusted ? undefined : addresses.find((address) => !isAllowed(address));
    if (bad !== undefined || addresses.length === 0) {
      throw refused(`host "${host}" is at ${bad ?? "no address"}`);
    }
    return addresses.map((address) => ({ address, family: isIP(address) }));
  }

  function checkUrl(url: URL, trusted: boolean): void {
    if (url.protocol !== "https:" && url.protocol !== "http:") {
      throw refused(`"${url.protocol}" is no scheme to fetch from`);
    }
    if (url.username !== "" || url.password !== "") throw refused("the address holds a password");
    // An address written out is never looked up, so it is checked here.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    if (isIP(host) !== 0 && !trusted && !isAllowed(host)) throw refused(`address ${host}`);
  }

  return async function fetchMedia(address, options) {
    using deadline = openDeadline(options.signal, LIMIT_MS);
    let url = parseUrl(address);
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      const trusted = url.origin === options.trustedOrigin;
      checkUrl(url, trusted);
      const response = await call(url, {
        lookup: pinned(trusted),
        headers: hops === 0 ? { ...options.headers } : {},
        signal: deadline.signal,
      });
      const status = response.statusCode ?? 0;
      const { location } = response.headers;
      if (REDIRECTS.has(status) && location !== undefined) {
        response.destroy();
        url = parseUrl(location, url);
        continue;
      }
      if (status !== 200) {
        response.destroy();
        throw new CodedError("fetch_failed", `Cannot fetch: the server answered ${status}`);
      }
      const bytes = await readCapped(response, options.maxBytes ?? MAX_BYTES);
      return { bytes, mime: sniffType(bytes) };
    }
    throw refused(`it leads on more than ${MAX_REDIRECTS} times`);
  };
}

function parseUrl(text: string, base?: URL): URL {
  if (!URL.canParse(text, base)) throw refused("it is no address");
  return new URL(text, base);
}

async function resolveHost(host: string): Promise<readonly string[]> {
  return (await lookupAll(host, { all: true })).map(({ address }) => address);
}

function call(
  url: URL,
  options: Pick<RequestOptions, "lookup" | "headers" | "signal">,
): Promise<IncomingMessage> {
  const request = url.protocol === "https:" ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // A connection of its own: one kept alive would have been pinned for somebody else.
    const sent = request(url, { ...options, agent: false, method: "GET" }, resolve);
    sent.once("error", (error) => reject(failureOf(error)));
    sent.end();
  });
}

/** Reads a body up to `maxBytes`, and not one chunk further. */
async function readCapped(response: IncomingMessage, maxBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    if (Number(response.headers["content-length"] ?? 0) > maxBytes) throw tooLarge(maxBytes);
    for await (const chunk of response as AsyncIterable<Buffer>) {
      size += chunk.length;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    throw failureOf(error);
  } finally {
    response.destroy();
  }
  return Buffer.concat(chunks);
}

function tooLarge(maxBytes: number): CodedError {
  return refused(`it is larger than ${maxBytes} bytes`);
}

function refused(why: string): CodedError {
  return new CodedError("fetch_refused", `Cannot fetch: ${why}`);
}

function failureOf(error: unknown): CodedError {
  if (error instanceof CodedError) return error;
  return new CodedError("fetch_failed", `Cannot fetch: ${messageOf(error)}`, { cause: error });
}
