import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  answerHeadersFor,
  appPlaceOf,
  type HeaderPairs,
  isAppsPath,
  isSafeTarget,
  requestHeadersFor,
} from "../../../../core/contract/mod.ts";

const NEVER = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];
const OURS = ["x-forwarded-for", "X-Nexo-Subject", "x_nexo_hop", "Forwarded", "Host", "x_real_ip"];
const cased = (names: readonly string[]) =>
  fc.constantFrom(...names).chain((name) =>
    fc.array(fc.boolean(), { minLength: name.length, maxLength: name.length }).map((upper) =>
      Array.from(name, (char, i) => upper[i] === true ? char.toUpperCase() : char).join("")
    )
  );
const harmless = fc.constantFrom("accept", "Authorization", "content-type", "X-Mine", "cookie");
const value = fc.string({ unit: "grapheme-ascii", maxLength: 20 });
const place = { id: "web", origins: ["http://127.0.0.1:8100"] };

describe("requestHeadersFor()", () => {
  it("passes nothing of one connection and nothing that is ours to say, in any spelling", () => {
    const pairs = fc.array(fc.tuple(fc.oneof(cased(NEVER), cased(OURS), harmless), value));
    fc.assert(fc.property(pairs, (given) => {
      for (const [name] of requestHeadersFor(given)) {
        expect(NEVER).not.toContain(name);
        expect(name).toBe(name.toLowerCase());
        expect(name.replaceAll("_", "-")).not.toMatch(
          /^(x-forwarded|x-nexo|forwarded|host|x-real)/,
        );
      }
    }));
  });

  it("passes the others in their order, each as often as it was there", () => {
    const pairs = fc.array(
      fc.tuple(fc.constantFrom("accept", "x-mine", "x-other"), value),
    );
    fc.assert(fc.property(pairs, (given) => {
      expect(requestHeadersFor(given)).toEqual(given);
    }));
  });

  it("keeps to its connection what a client names as its connection's", () => {
    const given: HeaderPairs = [["Connection", "close, X-Mine"], ["x-mine", "1"], ["x-other", "2"]];
    expect(requestHeadersFor(given)).toEqual([["x-other", "2"]]);
    expect(answerHeadersFor(given, place)).toEqual([["x-other", "2"]]);
  });

  it("never passes a cookie of the console or of a chat, whatever stands around it", () => {
    const ours = fc.constantFrom(
      "nexo_console",
      "nexo_console_8787",
      "__Secure-nexo_console",
      "__Host-nexo_console_1",
      "nexo_visitor",
    );
    const theirs = fc.constantFrom("session", "nexo_theme", "my_nexo_console", "nexo_consoles");
    const space = fc.constantFrom("", " ", "  ");
    const cookie = fc.tuple(space, fc.oneof(ours, theirs), space, fc.constantFrom("=", ""), value)
      .map((parts) => parts.join("").replaceAll(";", ""));
    fc.assert(fc.property(fc.array(cookie), (cookies) => {
      const passed = requestHeadersFor([["cookie", cookies.join(";")]])[0]?.[1] ?? "";
      const names = passed.split(";").map((pair) => pair.trim().split("=", 1)[0]?.trim() ?? "");
      const isOurs = /^(__(Host|Secure)-)?nexo_(console|visitor)(_|$)/;
      expect(names.filter((name) => isOurs.test(name))).toEqual([]);
    }));
  });
});

describe("answerHeadersFor()", () => {
  const one = (name: string, given: string): string | undefined =>
    answerHeadersFor([[name, given]], place)[0]?.[1];

  it("lets a cookie reach this microapp alone", () => {
    expect(one("Set-Cookie", "a=1")).toBe("a=1");
    expect(one("set-cookie", "a=1; path=/; Secure")).toBe("a=1; Path=/apps/web/; Secure");
    expect(one("set-cookie", "a=1; Path=/apps/web/x")).toBe("a=1; Path=/apps/web/x");
    expect(one("set-cookie", "a=1; Path=/apps/other")).toBe("a=1; Path=/apps/web/apps/other");
    expect(one("set-cookie", "a=1; Domain=.example.com")).toBe("a=1");
    expect(one("set-cookie", "__Host-a=1; Path=/; Secure")).toBe("__Host-a=1; Path=/; Secure");
    expect(one("set-cookie", "__Secure-nexo_console=1; Path=/console")).toBeUndefined();
  });

  it("leaves no way for a cookie out of the microapp's place", () => {
    const attribute = fc.oneof(
      fc.tuple(cased(["path"]), fc.constantFrom("/", "/a", "/apps/webx", "/console", "/apps"))
        .map((parts) => parts.join("=")),
      fc.constantFrom("HttpOnly", "Domain=example.com", "SameSite=Lax"),
    );
    fc.assert(fc.property(fc.array(attribute, { maxLength: 5 }), (attributes) => {
      const cookie = one("set-cookie", ["a=1", ...attributes].join("; ")) ?? "";
      for (const [, path = ""] of cookie.matchAll(/;\s*path=([^;]*)/gi)) {
        expect(path).toMatch(/^\/apps\/web(\/|$)/);
      }
      expect(cookie).not.toMatch(/domain/i);
    }));
  });

  it("leads its own redirects back below its place, and no others", () => {
    expect(one("location", "/")).toBe("/apps/web/");
    expect(one("location", "/a?b=/c")).toBe("/apps/web/a?b=/c");
    expect(one("location", "/apps/web/a")).toBe("/apps/web/a");
    expect(one("location", "/apps/website")).toBe("/apps/web/apps/website");
    expect(one("location", "http://127.0.0.1:8100")).toBe("/apps/web/");
    expect(one("location", "http://127.0.0.1:8100/x")).toBe("/apps/web/x");
    expect(one("location", "http://127.0.0.1:81000/x")).toBe("http://127.0.0.1:81000/x");
    expect(one("location", "//evil.example/")).toBe("//evil.example/");
    expect(one("location", "a/b")).toBe("a/b");
  });

  it("drops what would hold for the whole origin", () => {
    for (const name of ["Alt-Svc", "Clear-Site-Data", "NEL", "Report-To"]) {
      expect(one(name, "x")).toBeUndefined();
    }
    expect(one("service-worker-allowed", "/")).toBeUndefined();
    expect(one("service-worker-allowed", "/apps/web/")).toBe("/apps/web/");
  });
});

describe("appPlaceOf()", () => {
  it("says where a path leads", () => {
    expect(isAppsPath("/apps")).toBe(true);
    expect(isAppsPath("/appsx/y")).toBe(false);
    expect(appPlaceOf("/apps/web/a/b?c=d")).toEqual({ kind: "app", id: "web", target: "/a/b?c=d" });
    expect(appPlaceOf("/apps/web?x")).toEqual({ kind: "bare", location: "/apps/web/?x" });
    for (
      const path of ["/apps", "/apps/", "/apps/Web/", "/apps/we%62/", "/apps/../x", "/apps/.."]
    ) {
      expect(appPlaceOf(path)).toEqual({ kind: "nothing" });
    }
    expect(appPlaceOf("/apps/web/../x")).toEqual({ kind: "unsafe" });
    expect(appPlaceOf("/apps/web?\r\nx: y")).toEqual({ kind: "unsafe" });
  });
});

describe("isSafeTarget()", () => {
  const piece = fc.constantFrom(
    "a",
    ".",
    "..",
    "/",
    "%2e",
    "%2E",
    "%2f",
    "%5c",
    "\\",
    ";x",
    "%00",
    "?",
    "#",
    " ",
    "é",
    "%",
    "%zz",
    "b.c",
    "...",
  );
  const target = fc.array(piece, { maxLength: 8 }).map((parts) => `/${parts.join("")}`);

  it("passes only what a URL parser leaves where it is, however often escapes are read", () => {
    fc.assert(
      fc.property(target, (given) => {
        if (!isSafeTarget(given)) return;
        const [path = ""] = given.split("?", 1);
        expect(new URL(`http://host${given}`).pathname).toBe(path);
        const once = path.replaceAll(
          /%(..)/g,
          (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)),
        );
        expect(new URL(`http://host${once.replace(/[?#]/g, "x")}`).pathname.split("/").length)
          .toBe(once.split("/").length);
      }),
      { numRuns: 2_000 },
    );
  });

  it("passes what browsers send", () => {
    for (
      const good of ["/", "/a/b.js?v=1#".slice(0, -1), "/%20/%e2%82%ac", "/a%2fb", "/.well-known/x"]
    ) {
      expect(isSafeTarget(good)).toBe(true);
    }
  });
});
