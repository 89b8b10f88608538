import fc from "fast-check";
import { describe, expect, it } from "vitest";

import { CodedError } from "../../../../core/contract/mod.ts";
import { createRedactor } from "../../../../core/redact/redactor.ts";

const redact = createRedactor();

/** Secrets put together here, so that no scanner takes this file for a leak. */
const SECRETS: readonly (readonly [label: string, secret: string])[] = [
  ["bearer_jwt", "Bearer eyJhbGciOi.eyJzdWIi.c2ln_-"],
  ["jwt", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln_-"],
  ["bearer_token", "bearer 0123456789abcdefghijklmnop"],
  ["anthropic_key", `sk-ant-api03-${"aB3_".repeat(8)}`],
  ["openai_key", `sk-${"a1B2".repeat(6)}`],
  ["openai_key", `sk-proj-${"a1B2-_".repeat(6)}`],
  ["stripe_key", `sk_live_${"a1B2".repeat(6)}`],
  ["webhook_secret", `whsec_${"a1B2".repeat(8)}=`],
  ["github_token", `ghp_${"a1B2".repeat(9)}`],
  ["github_token", `gho_${"a1B2".repeat(9)}`],
  ["github_token", `github_pat_11ABC_${"a1B2".repeat(9)}`],
  ["slack_token", `xoxb-1234567890-abcdef`],
  ["aws_access_key", `AKIAIOSFODNN7EXAMPLE`],
  ["google_key", `AIza${"a1B2_-x".repeat(5)}`],
  ["telegram_token", `123456789:${"AAH_-x7".repeat(5)}`],
  ["hex_token_64", "0a".repeat(32)],
  ["home_path", "/home/familia"],
  ["home_path", "/Users/Ana"],
  ["card", "4111 1111 1111 1111"],
  ["card", "4111-1111-1111-1111"],
  ["card", "378282246310005"],
  ["email", "ana.b+shop@tienda.com.co"],
  ["email", "josé@münchen.de"],
  ["phone", "+573115728852"],
  ["phone", "+57 (311) 572-8852"],
  ["phone", "+44 20 7946 0958"],
  ["phone", "(311) 572 8852"],
  ["phone", "311-572-8852"],
  ["phone", "311.572.8852"],
  ["phone", "600 12 34 56"],
  ["phone", "01 23 45 67 89"],
  ["phone", "555-1234"],
];

describe("createRedactor", () => {
  it.each(SECRETS)("F7: replaces %s as a whole: %s", (label, secret) => {
    expect(redact(`Say ${secret}, and go`)).toBe(`Say [REDACTED:${label}], and go`);
    expect(redact(secret)).toBe(`[REDACTED:${label}]`);
    expect(redact(JSON.stringify({ a: secret }))).toBe(`{"a":"[REDACTED:${label}]"}`);
  });

  it("replaces every one of several secrets on one line", () => {
    const text = SECRETS.map(([, secret]) => secret).join(" ; ");
    const redacted = redact(text);
    for (const [, secret] of SECRETS) expect(redacted).not.toContain(secret);
    expect(redacted.split("[REDACTED:")).toHaveLength(SECRETS.length + 1);
  });

  it("takes a private key with its armour, and everything after one that never ends", () => {
    const key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n+57\n-----END RSA PRIVATE KEY-----";
    expect(redact(`a ${key} b ${key} c`)).toBe(
      "a [REDACTED:private_key] b [REDACTED:private_key] c",
    );
    expect(redact("a -----BEGIN PRIVATE KEY-----\\nMIIEow\\nabc")).toBe("a [REDACTED:private_key]");
    expect(redact("-----BEGIN PGP PRIVATE KEY BLOCK-----\nx\n-----END PGP PRIVATE KEY BLOCK-----"))
      .toBe("[REDACTED:private_key]");
    const certificate = "-----BEGIN CERTIFICATE-----\nMIIE\n-----END CERTIFICATE-----";
    expect(redact(certificate)).toBe(certificate);
  });

  it("keeps the user's host when it takes a password out of an address", () => {
    expect(redact("postgres://app:hunter2@db.local/x")).toBe(
      "postgres://[REDACTED:url_password]@db.local/x",
    );
  });

  it("finds a number among other numbers", () => {
    expect(redact("+57 311 572 8852 2026-11-24")).toBe("[REDACTED:phone] 2026-11-24");
    expect(redact("4111 1111 1111 1111 12/28")).toBe("[REDACTED:card] 12/28");
    expect(redact("25 311-572-8852 2026")).toBe("[REDACTED:phone] 2026");
    expect(redact("+573115728852 +573115728853")).toBe("[REDACTED:phone] [REDACTED:phone]");
  });

  it.each([
    "2026-11-24 02:08:40.123",
    "2026-11-24T02:08:40+0000",
    "24-11-2026 24.11.2026",
    "1777896000000",
    "1777896000123456789",
    "v1.20.3456 1.0.0+20130313144700 npm@10.2.3",
    "192.168.100.200 10.1234.5",
    "1234-5678",
    "978-3-16-148410-0",
    "12345678-1234-4234-8234-123456789012",
    "1 000 000 and 12 000 000",
    "disk-encryption-settings-for-linux",
    "a@b and user@localhost",
    "order 4111111111111112",
  ])("leaves %s alone", (text) => {
    expect(redact(text)).toBe(text);
  });

  it("leaves ids, hashes, times and versions alone, whatever they are", () => {
    const hex = (length: number) =>
      fc.array(fc.constantFrom(..."0123456789abcdef".split("")), {
        minLength: length,
        maxLength: length,
      })
        .map((digits) => digits.join(""));
    const version = fc.tuple(fc.nat(99), fc.nat(99), fc.nat(9999)).map((parts) => parts.join("."));
    const time = fc.date({
      min: new Date("1970-01-01"),
      max: new Date("2100-01-01"),
      noInvalidDate: true,
    }).map((date) => date.toISOString());
    const id = fc.oneof(
      fc.uuid(),
      hex(40).filter((text) => !/\d{13}/.test(text)),
      hex(32).filter((text) => !/\d{13}/.test(text)),
      version,
      time,
    );
    fc.assert(fc.property(fc.array(id, { minLength: 1, maxLength: 4 }), (ids) => {
      for (
        const text of [ids.join(" "), ids.join(","), JSON.stringify(ids), `/x/${ids.join("/")}`]
      ) {
        expect(redact(text)).toBe(text);
      }
    }));
  });

  it("finds any number with a plus and a country, however it is spaced", () => {
    const groups = fc.array(fc.integer({ min: 10, max: 9999 }), { minLength: 4, maxLength: 4 });
    const gap = fc.constantFrom("", " ", "-", ".", "\u00a0");
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 99 }), groups, gap, (country, rest, between) => {
        const phone = `+${[country, ...rest].join(between)}`;
        fc.pre(phone.replace(/\D/g, "").length <= 15);
        expect(redact(`tel: ${phone}`)).toBe("tel: [REDACTED:phone]");
      }),
    );
  });

  it("finds any card that passes the Luhn check, spaced or not", () => {
    const digits = fc.array(fc.nat(9), { minLength: 14, maxLength: 14 });
    const gap = fc.constantFrom("", " ", "-");
    fc.assert(fc.property(fc.constantFrom(2, 3, 4, 5, 6), digits, gap, (first, rest, between) => {
      const number = withCheckDigit([first, ...rest]);
      const card = (number.match(/\d{4}/g) ?? []).join(between);
      expect(redact(`pay ${card}!`)).toBe("pay [REDACTED:card]!");
    }));
  });

  it("does work that grows with the text only, on texts made to be hard", () => {
    const units = [
      "eyJ",
      "eyJa.",
      "1 ",
      "1.",
      "12-",
      "4111 ",
      "+1 ",
      "(1)",
      "a@",
      "a.",
      "@",
      "a",
      "f",
      "Bearer ",
      "Bearer eyJ",
      "-----BEGIN PRIVATE KEY-----",
      "-----BEGIN ",
      "://a:",
      "sk-",
      "xoxb-",
      "/home/",
      " ",
      "(",
      "+",
      "\ud83d\ude00",
      "\ud800",
    ];
    for (const unit of units) {
      const text = unit.repeat(Math.ceil(100_000 / unit.length));
      for (const hard of [text, `${text}!`, `Bearer ${text}`, `a@${text}`]) {
        expect(typeof redact(hard)).toBe("string");
      }
    }
  });

  it("changes nothing that it made itself", () => {
    const text = SECRETS.map(([label]) => `[REDACTED:${label}]`).join(" ");
    expect(redact(text)).toBe(text);
  });

  it("takes any text without failing", () => {
    fc.assert(fc.property(fc.string({ unit: "binary", maxLength: 200 }), (text) => {
      expect(typeof redact(text)).toBe("string");
    }));
  });
});

describe("createRedactor with the operator's patterns", () => {
  it("applies them in order, after the built-in ones", () => {
    const custom = createRedactor({
      extraPatterns: [{ regex: "\\bCC-\\d+", label: "cedula" }, {
        regex: "cedula\\]",
        label: "late",
      }],
    });
    expect(custom("CC-12345 a@b.co")).toBe("[REDACTED:[REDACTED:late] [REDACTED:email]");
  });

  it("uses the label as it is", () => {
    const custom = createRedactor({ extraPatterns: [{ regex: "(x)", label: "$1$&\\1" }] });
    expect(custom("axb")).toBe("a[REDACTED:$1$&\\1]b");
  });

  it("does without the built-in ones when told", () => {
    expect(createRedactor({ useBuiltins: false })("a@b.co")).toBe("a@b.co");
  });

  it.each([
    ["a(b", "x", /extra_patterns\[1\]/],
    ["(?=a)", "x", /extra_patterns\[1\]/],
    ["a", "", /label is empty/],
    ["a*", "x", /matches the empty text/],
  ])("refuses %s labelled %j and names its place", (regex, label, message) => {
    const make = () =>
      createRedactor({ extraPatterns: [{ regex: "ok", label: "ok" }, { regex, label }] });
    expect(make).toThrow(CodedError);
    expect(make).toThrow(message);
  });

  it("stays linear with a pattern that blows up elsewhere", () => {
    const custom = createRedactor({
      useBuiltins: false,
      extraPatterns: [{ regex: "(a|aa)+b", label: "x" }],
    });
    const text = "a".repeat(20_000);
    expect(custom(text)).toBe(text);
  });
});

function withCheckDigit(digits: readonly number[]): string {
  for (let check = 0; check < 10; check++) {
    const all = [...digits, check];
    const sum = all.toReversed().reduce((total, digit, i) => {
      const value = i % 2 === 0 ? digit : digit * 2;
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    if (sum % 10 === 0) return all.join("");
  }
  throw new Error("Cannot find a check digit");
}
