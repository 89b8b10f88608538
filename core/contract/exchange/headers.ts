/**
 * Which headers pass between a client and a microapp, and how.
 *
 * All microapps of a deployment share one origin with each other and with the console. What a microapp
 * answers must therefore hold for its own place only.
 *
 * @module
 */
import type { HeaderPairs } from "./messages.ts";
import { basePathOf } from "./target.ts";

/** Of one connection; never forwarded. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "http2-settings",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

/** Said by the edge and core alone, or dealt with by them. */
const OWN: ReadonlySet<string> = new Set([
  "expect",
  "forwarded",
  "host",
  "x-real-ip",
  "x-request-id",
]);
const OWN_PREFIXES = ["x-forwarded-", "x-nexo-", "sec-websocket-"];

/** They would hold for the whole origin. */
const ORIGIN_WIDE: ReadonlySet<string> = new Set([
  "alt-svc",
  "clear-site-data",
  "nel",
  "report-to",
]);

const isOurCookie = /^(?:__(?:Host|Secure)-)?nexo_(?:console|visitor)(?:_|$)/;

/** Names that a `Connection` header keeps to its own connection. */
function namedByConnection(pairs: HeaderPairs): ReadonlySet<string> {
  return new Set(
    pairs.filter(([name]) => name.toLowerCase() === "connection")
      .flatMap(([, value]) => value.split(",").map((token) => token.trim().toLowerCase())),
  );
}

/** Many servers read `_` in a name as `-`, so that both are one name here. */
function isOwn(name: string): boolean {
  const read = name.replaceAll("_", "-");
  return OWN.has(read) || OWN_PREFIXES.some((prefix) => read.startsWith(prefix));
}

/** Headers of a client that a microapp gets; names in lower case. */
export function requestHeadersFor(pairs: HeaderPairs): HeaderPairs {
  const kept = namedByConnection(pairs);
  return pairs.flatMap(([given, value]): HeaderPairs => {
    const name = given.toLowerCase();
    if (HOP_BY_HOP.has(name) || kept.has(name) || isOwn(name)) return [];
    if (name !== "cookie") return [[name, value]];
    const cookies = cookiesFor(value);
    return cookies === "" ? [] : [[name, cookies]];
  });
}

/** Cookies of the console and of chats are not for microapps, wherever they came from. */
function cookiesFor(value: string): string {
  return value.split(";").map((pair) => pair.trim())
    .filter((pair) => pair !== "" && !isOurCookie.test(pair.split("=", 1)[0]?.trim() ?? ""))
    .join("; ");
}

/** The subprotocols a WebSocket handshake offers, in order. */
export function offeredProtocols(pairs: HeaderPairs): string[] {
  return pairs.filter(([name]) => name.toLowerCase() === "sec-websocket-protocol")
    .flatMap(([, value]) => value.split(","))
    .map((token) => token.trim())
    .filter((token) => token !== "");
}

/** Whose answer it is. */
export interface AnswerPlace {
  readonly id: string;
  /** What the microapp may call itself in a redirect, such as `http://127.0.0.1:8100`. */
  readonly origins: readonly string[];
}

/** Headers of a microapp's answer that a client gets; names in lower case. */
export function answerHeadersFor(pairs: HeaderPairs, place: AnswerPlace): HeaderPairs {
  const kept = namedByConnection(pairs);
  const base = basePathOf(place.id);
  return pairs.flatMap(([given, value]): HeaderPairs => {
    const name = given.toLowerCase();
    if (HOP_BY_HOP.has(name) || kept.has(name) || ORIGIN_WIDE.has(name)) return [];
    switch (name) {
      case "location":
        return [[name, locationFor(value, base, place.origins)]];
      case "service-worker-allowed":
        return isBelow(value, base) ? [[name, value]] : [];
      case "set-cookie": {
        const cookie = cookieFor(value, base);
        return cookie === undefined ? [] : [[name, cookie]];
      }
      default:
        return [[name, value]];
    }
  });
}

function isBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}

/** A microapp speaks of its own `/`; for a client that is below `/apps/<id>`. */
function locationFor(value: string, base: string, origins: readonly string[]): string {
  const origin = origins.find((one) => value === one || value.startsWith(`${one}/`));
  const path = origin === undefined ? value : value.slice(origin.length) || "/";
  if (!path.startsWith("/") || path.startsWith("//") || isBelow(path, base)) return path;
  return base + path;
}

/**
 * A cookie that only this microapp gets back: its path lies below the microapp's place, and its host
 * is this one. One that claims the whole host by its name (`__Host-`) passes as it is. Undefined when
 * it takes a name of ours.
 */
function cookieFor(value: string, base: string): string | undefined {
  const [pair = "", ...attributes] = value.split(";").map((part) => part.trim());
  const name = pair.split("=", 1)[0]?.trim() ?? "";
  if (isOurCookie.test(name)) return undefined;
  if (/^__host-/i.test(name)) return value;
  const confined = attributes.flatMap((attribute) => {
    const [key = "", path = ""] = attribute.split("=", 2).map((part) => part.trim());
    if (/^domain$/i.test(key)) return [];
    if (!/^path$/i.test(key) || !path.startsWith("/") || isBelow(path, base)) return [attribute];
    return [`Path=${base}${path}`];
  });
  return [pair, ...confined].join("; ");
}
