/**
 * Hashes stay what they were: databases are full of them.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { AUDIT_HASHED } from "../../../../core/record/admin_audit.ts";
import { canonicalJson, hashRow, rowJson, saltedDigest } from "../../../../core/record/hash.ts";
import { contentOf } from "../../../../core/record/transcripts.ts";
import { TURN_ERASABLE, TURN_HASHED } from "../../../../core/record/turns.ts";

const ROW = {
  id: "turn-1",
  account_id: "acme",
  offset: 7,
  agent_id: "ana",
  tokens_in: 12,
  cost_micros: 3,
  outcome: "ok",
  prev_hash: "",
  session_id: 's-é\u2028"1"',
  delivery_id: null,
  inbound_ids: '["i-1"]',
  error: null,
  trigger: "channel",
};
const SALT = "0f".repeat(16);

describe("hashes of rows", () => {
  it("are those of rows written long ago", () => {
    expect(hashRow("ab".repeat(32), ROW, TURN_HASHED)).toBe(
      "935cd2736ff7960d5a7262b40e7e3540aabc441868c36b4eee01f55fbd6a02bf",
    );
    expect(saltedDigest(SALT, rowJson(ROW, TURN_ERASABLE))).toBe(
      "070a7ee1cd2da924c9e79e6fb27b138b03f9007f88be8691a26824118865a69d",
    );
    const said = [
      { role: "user", body: 'ho"la\n', senderId: null },
      { role: "assistant", body: "¿qué?", senderId: "p-1" },
    ] as const;
    expect(saltedDigest(SALT, contentOf(said))).toBe(
      "68bd996bf7723ca8d258cba1bc9c44e9abb27b87c4cf4fa964642b83805d177f",
    );
  });

  it.each([["turns", TURN_HASHED], ["erasable", TURN_ERASABLE], ["audit", AUDIT_HASHED]])(
    "are taken of canonical JSON: %s",
    (_what, names) => {
      const value = fc.oneof(fc.string({ unit: "binary" }), fc.integer(), fc.constant(null));
      fc.assert(fc.property(fc.dictionary(fc.constantFrom(...names, "other"), value), (row) => {
        const members = names.map((name) => [name, row[name] ?? null] as const);
        expect(rowJson(row, names)).toBe(canonicalJson(Object.fromEntries(members)));
      }));
    },
  );
});
