import { once } from "node:events";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createAddressCheck } from "../../../../core/channels/media/addresses.ts";
import { createFetchMedia } from "../../../../core/channels/media/fetch_media.ts";
import { sniffType } from "../../../../core/channels/media/sniff.ts";
import { type HttpPeer, openHttpPeer } from "../../../support/channels/http_peer.ts";

const PNG = Buffer.from("89504e470d0a1a0a0000000d49484452", "hex");
const signal = new AbortController().signal;
const local = createFetchMedia({ isAllowed: createAddressCheck(["127.0.0.1"]) });

describe("the addresses a stranger may make us call", () => {
  const isPublic = createAddressCheck();

  it.each([
    "127.0.0.1",
    "127.8.9.1",
    "0.0.0.0",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "192.0.0.1",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "fe80::1",
    "fc00::1",
    "fd12::1",
    "ff02::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "2001:db8::1",
    "100::1",
    "",
    "localhost",
    "1.2.3",
    "0x7f.1",
  ])("do not include %s", (address) => {
    expect(isPublic(address)).toBe(false);
  });

  it.each(["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1"])(
    "include %s",
    (address) => expect(isPublic(address)).toBe(true),
  );

  it("never include what an operator did not let in, however it is written", () => {
    const check = createAddressCheck(["10.1.0.0/16", "fd00::7"]);
    expect(check("10.1.2.3")).toBe(true);
    expect(check("fd00::7")).toBe(true);
    fc.assert(fc.property(fc.ipV4(), (address) => {
      const inside = /^(0|10|127)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(
        address,
      );
      if (inside && !address.startsWith("10.1.")) {
        expect(check(address)).toBe(false);
        expect(check(`::ffff:${address}`)).toBe(false);
      }
    }));
  });
});

describe("createFetchMedia()", () => {
  let peer: HttpPeer;
  beforeAll(async () => {
    peer = await openHttpPeer(({ path }) => {
      const to = (location: string) => ({ status: 302, headers: { location }, body: "" });
      switch (path) {
        case "/cat":
          return { headers: { "content-type": "text/html" }, body: PNG };
        case "/big":
          return { body: Buffer.alloc(3000) };
        case "/hop":
          return to("/cat");
        case "/inside":
          return to("http://169.254.169.254/latest/meta-data");
        case "/file":
          return to("file:///etc/passwd");
        case "/round":
          return to("/round");
        default:
          return { status: 404, body: "no" };
      }
    });
  });
  afterAll(() => peer[Symbol.asyncDispose]());

  it("fetches a file and says what it is, whatever its sender says", async () => {
    expect(await local(`${peer.url}/hop`, { signal })).toEqual({ bytes: PNG, mime: "image/png" });
  });

  it.each([
    ["a private address", () => "http://10.0.0.1/cat"],
    ["a private address as one number", () => "http://167772161/"],
    ["loopback of IPv6", () => "http://[::1]/"],
    ["a redirect to the inside", () => `${peer.url}/inside`],
    ["a redirect to a file", () => `${peer.url}/file`],
    ["redirects without end", () => `${peer.url}/round`],
    ["a password in the address", () => peer.url.replace("//", "//me:pw@")],
    ["another scheme", () => "ftp://example.com/"],
    ["no address at all", () => "nonsense"],
  ])("refuses %s", async (_what, url) => {
    const closed = createFetchMedia({ isAllowed: createAddressCheck(["127.0.0.1"]) });
    await expect(closed(url(), { signal })).rejects.toMatchObject({ code: "fetch_refused" });
  });

  it("N4: refuses a name that points inside, also when only one of its addresses does", async () => {
    const calls: string[] = [];
    for (const addresses of [["127.0.0.1"], ["1.1.1.1", "10.0.0.1"], ["::ffff:192.168.0.1"], []]) {
      const fetchMedia = createFetchMedia({
        isAllowed: createAddressCheck(),
        resolve(host) {
          calls.push(host);
          return Promise.resolve(addresses);
        },
      });
      await expect(fetchMedia("http://cat.example/cat", { signal })).rejects.toMatchObject({
        code: "fetch_refused",
      });
    }
    expect(calls).toHaveLength(4);
  });

  it("N4: connects to the address that was checked: a name is asked for once", async () => {
    const { port } = new URL(peer.url);
    let asked = 0;
    const fetchMedia = createFetchMedia({
      isAllowed: createAddressCheck(["127.0.0.1"]),
      // The second answer would be the attack.
      resolve: () => Promise.resolve([asked++ === 0 ? "127.0.0.1" : "10.0.0.1"]),
    });
    const { mime } = await fetchMedia(`http://cat.example:${port}/cat`, { signal });
    expect(mime).toBe("image/png");
    expect(asked).toBe(1);
  });

  it("N4: stops at the cap while it reads, also when no length was said", async () => {
    await expect(local(`${peer.url}/big`, { signal, maxBytes: 2999 })).rejects.toMatchObject({
      code: "fetch_refused",
    });
    let written = 0;
    const endless = createServer((socket) => {
      socket.on("error", () => {}); // the other side hangs up: that is what is tested
      socket.write("HTTP/1.1 200 OK\r\n\r\n");
      const more = (): void => {
        while (!socket.destroyed && socket.write(Buffer.alloc(64 * 1024))) written += 64 * 1024;
      };
      socket.on("drain", more);
      more();
    });
    endless.listen(0, "127.0.0.1");
    await once(endless, "listening");
    const { port } = endless.address() as AddressInfo;
    await expect(local(`http://127.0.0.1:${port}/`, { signal, maxBytes: 100_000 })).rejects
      .toMatchObject({ code: "fetch_refused" });
    endless.close();
    await once(endless, "close");
    expect(written).toBeLessThan(20_000_000);
  });

  it("shows a password to the first address only", async () => {
    peer.requests.length = 0;
    await local(`${peer.url}/hop`, { signal, headers: { authorization: "Bearer t" } });
    expect(peer.requests.map(({ headers }) => headers.authorization)).toEqual([
      "Bearer t",
      undefined,
    ]);
  });

  it("calls an operator's own origin wherever it lies, and nothing beside it", async () => {
    const closed = createFetchMedia({ isAllowed: createAddressCheck() });
    const { origin } = new URL(peer.url);
    const options = { signal, trustedOrigin: origin };
    expect((await closed(`${peer.url}/cat`, options)).mime).toBe("image/png");
    await expect(closed(`${peer.url}/inside`, options)).rejects.toMatchObject({
      code: "fetch_refused",
    });
    await expect(closed("http://127.0.0.1:9/", options)).rejects.toMatchObject({
      code: "fetch_refused",
    });
  });

  it("tells a server that fails from one it may not call", async () => {
    await expect(local(`${peer.url}/nothing`, { signal })).rejects.toMatchObject({
      code: "fetch_failed",
    });
  });
});

describe("sniffType()", () => {
  it.each([
    ["%PDF-1.7", "application/pdf"],
    ["GIF89a…", "image/gif"],
    ["RIFF\0\0\0\0WEBPVP8 ", "image/webp"],
    ["  <!doctype html><script>", "text/html"],
    ["<svg onload=alert(1)>", "text/html"],
    ["just words", "text/plain"],
    ["a\0b", "application/octet-stream"],
    ["", "application/octet-stream"],
  ])("takes %j for %s", (text, type) => {
    expect(sniffType(Buffer.from(text, "latin1"))).toBe(type);
  });
});
