/**
 * Whose request it is: the socket's peer, or what trusted proxies say of it.
 *
 * @module
 */
import ipaddr from "ipaddr.js";

/** A client and the key its limits go by. */
export interface Client {
  /** Normalised; null when nothing is known. */
  readonly ip: string | null;
  /** The address for IPv4, the /64 for IPv6: one subscriber line owns a whole /64. */
  readonly key: string;
}

/** The proxy headers of a request. */
export interface ProxyHeaders {
  get(name: string): string | null;
}

/** Settings of {@linkcode createClientOf}. */
export interface ProxyTrust {
  /** Addresses or CIDR ranges. */
  readonly trusted_proxies: readonly string[];
  readonly allow_realip_fallback: boolean;
}

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

const UNKNOWN: Client = { ip: null, key: "unknown" };
const PLAIN_V4 = /^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}$/;

/**
 * Returns a function that names the client of a request.
 *
 * `X-Forwarded-For` counts only when the peer is trusted. Its hops are walked from the right; the
 * first that is not trusted is the client, and one that cannot be read ends the walk, because what
 * stands left of it may be forged.
 */
export function createClientOf(
  trust: ProxyTrust,
): (peer: string | null, headers: ProxyHeaders) => Client {
  const ranges = trust.trusted_proxies.map(parseRange).filter((range) => range !== undefined);
  const isTrusted = (address: Address): boolean =>
    ranges.some(([base, bits]) => base.kind() === address.kind() && address.match(base, bits));

  return function clientOf(peer, headers) {
    if (peer === null) return UNKNOWN;
    if (ranges.length === 0 && PLAIN_V4.test(peer)) return { ip: peer, key: peer };
    const address = parseAddress(peer);
    if (address === undefined) return UNKNOWN;
    if (!isTrusted(address)) return clientAt(address);
    const told = firstUntrusted(headers.get("x-forwarded-for"), isTrusted) ??
      (trust.allow_realip_fallback ? untrusted(headers.get("x-real-ip"), isTrusted) : undefined);
    return clientAt(told ?? address);
  };
}

function firstUntrusted(
  forwardedFor: string | null,
  isTrusted: (address: Address) => boolean,
): Address | undefined {
  if (forwardedFor === null) return undefined;
  for (const hop of forwardedFor.split(",").toReversed()) {
    const address = parseAddress(hop.trim());
    if (address === undefined) return undefined;
    if (!isTrusted(address)) return address;
  }
  return undefined;
}

function untrusted(
  text: string | null,
  isTrusted: (address: Address) => boolean,
): Address | undefined {
  const address = text === null ? undefined : parseAddress(text.trim());
  return address === undefined || isTrusted(address) ? undefined : address;
}

/** Reads `ip`, `ip:port`, `[v6]` and `[v6]:port`; IPv4 in IPv6 becomes IPv4. */
export function parseAddress(text: string): Address | undefined {
  const bare = /^\[([^\]]*)\](?::\d{1,5})?$/.exec(text)?.[1] ??
    /^(\d+\.\d+\.\d+\.\d+):\d{1,5}$/.exec(text)?.[1] ?? text;
  // The library also reads 127.1, 0x7f.1 and 2130706433, which no proxy writes.
  if (ipaddr.IPv4.isValidFourPartDecimal(bare)) return ipaddr.IPv4.parse(bare);
  return ipaddr.IPv6.isValid(bare) ? unmapped(ipaddr.IPv6.parse(bare)) : undefined;
}

function unmapped(address: ipaddr.IPv6): Address {
  return address.isIPv4MappedAddress() ? address.toIPv4Address() : address;
}

function parseRange(text: string): Range | undefined {
  const [base = "", bits] = text.split("/");
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const full = address.kind() === "ipv4" ? 32 : 128;
  if (bits === undefined) return [address, full];
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  const isMapped = base.includes(":") && address.kind() === "ipv4";
  return [address, Math.max(0, Number(bits) - (isMapped ? 96 : 0))];
}

function clientAt(address: Address): Client {
  if (address.kind() === "ipv4") {
    const ip = address.toString();
    return { ip, key: ip };
  }
  const prefix = address.toByteArray().slice(0, 8);
  return {
    ip: new ipaddr.IPv6(address.toByteArray()).toRFC5952String(),
    key: prefix.map((byte) => byte.toString(16).padStart(2, "0")).join(""),
  };
}
