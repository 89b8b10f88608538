/**
 * Whom a request is counted against.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createClientOf, parseAddress } from "../../../edge/webhooks/client_ip.ts";

const headers = (values: Record<string, string>) => new Headers(values);
const trusting = (proxies: string[], allow_realip_fallback = false) =>
  createClientOf({ trusted_proxies: proxies, allow_realip_fallback });

describe("clientOf()", () => {
  const forged = headers({ "x-forwarded-for": "1.2.3.4", "x-real-ip": "1.2.3.4" });

  it("believes no header without trusted proxies, or from a peer that is none", () => {
    expect(trusting([])("10.0.0.1", forged).ip).toBe("10.0.0.1");
    expect(trusting(["10.0.0.0/8"], true)("192.0.2.1", forged).ip).toBe("192.0.2.1");
  });

  it("walks from the right past trusted hops to the first that is not", () => {
    const clientOf = trusting(["10.0.0.0/8", "2001:db8:ff::/48"]);
    const told = headers({ "x-forwarded-for": "6.6.6.6, 192.0.2.7, 2001:db8:ff::1, 10.9.9.9" });
    expect(clientOf("10.0.0.1", told).ip).toBe("192.0.2.7");
  });

  it("stops at a hop it cannot read, instead of taking what may be forged left of it", () => {
    const clientOf = trusting(["10.0.0.0/8"]);
    for (const hop of ["unknown", "", "_hidden", "300.1.1.1", "127.1", "0x7f000001", "1.2.3.4:x"]) {
      const told = headers({ "x-forwarded-for": `6.6.6.6, ${hop}, 10.1.1.1` });
      expect([hop, clientOf("10.0.0.1", told).ip]).toEqual([hop, "10.0.0.1"]);
    }
  });

  it("reads ports, brackets and mapped addresses", () => {
    const clientOf = trusting(["10.0.0.0/8"]);
    const seen = (hop: string) =>
      clientOf("::ffff:10.0.0.1", headers({ "x-forwarded-for": hop })).ip;
    expect(seen("192.0.2.7:4711")).toBe("192.0.2.7");
    expect(seen("[2001:DB8:0::7]:443")).toBe("2001:db8::7");
    expect(seen("[2001:db8::7]")).toBe("2001:db8::7");
    expect(seen("::ffff:192.0.2.7")).toBe("192.0.2.7");
  });

  it("takes a mapped range as its IPv4 range", () => {
    const clientOf = trusting(["::ffff:10.0.0.0/104"]);
    expect(clientOf("10.1.2.3", headers({ "x-forwarded-for": "192.0.2.7" })).ip).toBe("192.0.2.7");
  });

  it("asks X-Real-IP only when allowed, and never for a trusted address", () => {
    const real = headers({ "x-real-ip": "192.0.2.7" });
    expect(trusting(["10.0.0.1"])("10.0.0.1", real).ip).toBe("10.0.0.1");
    expect(trusting(["10.0.0.1"], true)("10.0.0.1", real).ip).toBe("192.0.2.7");
    expect(trusting(["10.0.0.1"], true)("10.0.0.1", headers({ "x-real-ip": "10.0.0.1" })).ip).toBe(
      "10.0.0.1",
    );
  });

  it("keys IPv4 by address and IPv6 by its /64", () => {
    const key = (peer: string) => trusting([])(peer, headers({})).key;
    expect(key("2001:db8:1:2::1")).toBe(key("2001:db8:1:2:ffff:ffff:ffff:ffff"));
    expect(key("2001:db8:1:2::1")).not.toBe(key("2001:db8:1:3::1"));
    expect(key("::ffff:192.0.2.1")).toBe(key("192.0.2.1"));
  });

  it("knows a peer it has no address of as nobody in particular", () => {
    expect(trusting([])(null, headers({}))).toEqual({ ip: null, key: "unknown" });
  });

  it("never names a client from left of the rightmost hop that is not trusted", () => {
    const clientOf = trusting(["10.0.0.0/8"]);
    fc.assert(
      fc.property(fc.string(), fc.ipV4().filter((ip) => !ip.startsWith("10.")), (left, hop) => {
        const told = {
          get: (name: string) => name === "x-forwarded-for" ? `${left},${hop}` : null,
        };
        expect(clientOf("10.0.0.1", told).ip).toBe(hop);
      }),
    );
  });
});

describe("parseAddress()", () => {
  it("reads every address, alone, in brackets and with a port", () => {
    fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.nat(65535), (ip, port) => {
      const plain = parseAddress(ip)?.toString();
      expect(plain).toBeDefined();
      const withPort = ip.includes(":") ? `[${ip}]:${port}` : `${ip}:${port}`;
      expect(parseAddress(withPort)?.toString()).toBe(plain);
    }));
  });
});
