/**
 * Which addresses a stranger may make us call: public ones, and what an operator lets in beside them.
 *
 * @module
 */
import { isIP } from "node:net";
import ipaddr from "ipaddr.js";

/** Whether an IP address may be called. */
export type IsAllowedAddress = (address: string) => boolean;

/**
 * Allows global unicast addresses and those in `extra`, each an address or a CIDR range. Everything
 * with a meaning of its own (loopback, private, link-local, carrier NAT, multicast, tunnels of IPv4 in
 * IPv6, …) is refused; an IPv4 address written as IPv6 counts as what it is.
 */
export function createAddressCheck(extra: readonly string[] = []): IsAllowedAddress {
  const ranges = extra.map((text) =>
    text.includes("/")
      ? ipaddr.parseCIDR(text)
      : [ipaddr.parse(text), text.includes(":") ? 128 : 32] as [ipaddr.IPv4 | ipaddr.IPv6, number]
  );
  return (text) => {
    // The library takes short forms such as "1.2.3" too, which nobody connects to.
    if (isIP(text) === 0) return false;
    const address = ipaddr.process(text);
    if (address.range() === "unicast") return true;
    return ranges.some(([range, bits]) =>
      range.kind() === address.kind() && address.match(range, bits)
    );
  };
}
