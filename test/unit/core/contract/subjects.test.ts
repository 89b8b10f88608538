/**
 * Subjects, patterns and tokens: against a reference, a search and a round trip.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  compileSubject,
  escapeToken,
  isPattern,
  isSubject,
  matchSubject,
  patternsIntersect,
  RESERVED_PATTERNS,
  subjects,
  unescapeToken,
} from "../../../../core/contract/mod.ts";

const token = fc.constantFrom("a", "b");
const subject = fc.array(token, { minLength: 1, maxLength: 5 }).map((tokens) => tokens.join("."));
const pattern = fc.tuple(
  fc.array(fc.oneof(token, fc.constant("*")), { maxLength: 4 }),
  fc.boolean(),
).filter(([tokens, open]) => open || tokens.length > 0)
  .map(([tokens, open]) => [...tokens, ...(open ? [">"] : [])].join("."));

/** The rules as a regular expression over whole subjects. */
function reference(of: string, text: string): boolean {
  const tokens = of.split(".").map((part) => part === "*" ? "[^.]+" : part === ">" ? ".+" : part);
  return new RegExp(`^${tokens.join("\\.")}$`).test(text);
}

/** Every subject of up to five of the tokens in use: longer than any pattern needs to be told apart. */
const universe = ((): string[] => {
  let layer = [""];
  const all: string[] = [];
  for (let length = 1; length <= 5; length++) {
    layer = layer.flatMap((head) =>
      ["a", "b"].map((part) => head === "" ? part : `${head}.${part}`)
    );
    all.push(...layer);
  }
  return all;
})();

describe("matchSubject()", () => {
  it("agrees with a reference matcher", () => {
    fc.assert(
      fc.property(pattern, subject, (of, text) => {
        expect(matchSubject(of, text)).toBe(reference(of, text));
      }),
      { numRuns: 2000 },
    );
  });

  it("lets > stand for one or more tokens, never for none", () => {
    expect(matchSubject("a.>", "a")).toBe(false);
    expect(matchSubject("a.>", "a.b.c")).toBe(true);
    expect(matchSubject(">", "a")).toBe(true);
  });
});

describe("patternsIntersect()", () => {
  it("is true exactly where some subject falls under both", () => {
    fc.assert(
      fc.property(pattern, pattern, (a, b) => {
        const shown = universe.some((text) => matchSubject(a, text) && matchSubject(b, text));
        expect(patternsIntersect(a, b)).toBe(shown);
        expect(patternsIntersect(b, a)).toBe(shown);
      }),
      { numRuns: 1000 },
    );
  });

  it("E3: sees a reserved subject behind a wildcard", () => {
    for (const  of of[">", "*.>", "plugin.inbound.webchat.acme", "_INBOX.*", "*.rpc.admin"]) {
      expect(RESERVED_PATTERNS.some((reserved) => patternsIntersect(of, reserved))).toBe(true);
    }
    for (const  of of["webhook.>", "marketing.*", "*", "plugin"]) {
      expect(RESERVED_PATTERNS.some((reserved) => patternsIntersect(of, reserved))).toBe(false);
    }
  });
});

describe("isSubject() and isPattern()", () => {
  it("tell what can be published to from what can be subscribed to", () => {
    for (const text of ["a", "a.b", "a.b*", "webhook.stripe.charge=2esucceeded"]) {
      expect([isSubject(text), isPattern(text)]).toEqual([true, true]);
    }
    for (const text of ["*", ">", "a.*.b", "a.>"]) {
      expect([isSubject(text), isPattern(text)]).toEqual([false, true]);
    }
    for (const text of ["", ".", "a.", ".a", "a..b", "a b", "a\nb", "a.>.b"]) {
      expect([text, isPattern(text)]).toEqual([text, false]);
    }
  });
});

describe("escapeToken()", () => {
  it("makes one token of any text, and unescapeToken() gives it back", () => {
    fc.assert(fc.property(fc.string({ unit: "grapheme" }), (text) => {
      const escaped = escapeToken(text);
      expect(escaped).toMatch(/^[A-Za-z0-9_=-]+$/);
      expect(isSubject(escaped)).toBe(true);
      expect(unescapeToken(escaped)).toBe(text);
    }));
    fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => {
      expect(unescapeToken(escapeToken(text))).toBe(text);
    }));
  });

  it("gives different texts different tokens", () => {
    const texts = ["", "=", "==", "=3d", "a.b", "a=2eb", "a b", "a*", "é", "e\u0301", "\u0000"];
    expect(new Set(texts.map(escapeToken)).size).toBe(texts.length);
  });
});

describe("unescapeToken()", () => {
  it("refuses what no text is escaped to", () => {
    for (const text of ["", "=2", "=zz", "=2E", "=41", "a.b", "a b", "=ff", "=c3", "é", "=="]) {
      expect(() => unescapeToken(text)).toThrow(
        expect.objectContaining({ code: "envelope_invalid" }) as Error,
      );
    }
  });
});

describe("compileSubject()", () => {
  it("puts the event kind in as one token, in both spellings, whatever it holds", () => {
    expect(compileSubject("webhook.stripe.{event_kind}")("charge.succeeded")).toBe(
      "webhook.stripe.charge=2esucceeded",
    );
    expect(compileSubject("w.${event_kind}.x")("$& $1 >")).toMatch(/^w\.[A-Za-z0-9=]+\.x$/);
    expect(compileSubject("plain")("x")).toBe("plain");
  });

  it("always yields a subject", () => {
    fc.assert(fc.property(fc.string({ unit: "binary" }), (kind) => {
      expect(isSubject(compileSubject("webhook.a.{event_kind}")(kind))).toBe(true);
      expect(isSubject(subjects.webhook("a", kind))).toBe(true);
    }));
  });
});

describe("subjects", () => {
  it("T8: cannot be steered into another tenant's by odd names", () => {
    expect(subjects.agentEvent("acme", null, "k")).not.toBe(
      subjects.agentEvent("acme.x", null, "k"),
    );
    expect(subjects.inbound("webchat", "a.b")).toBe("plugin.inbound.webchat.a=2eb");
    expect(subjects.outbound("webchat", "*")).toBe("plugin.outbound.webchat.=2a");
  });
});
