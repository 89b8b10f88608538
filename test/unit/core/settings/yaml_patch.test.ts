import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parse as parseYaml, stringify } from "yaml";
import { patchYaml } from "../../../../core/settings/yaml_patch.ts";

const AGENTS = `# Who answers.
agents:
  # the first one
  - id: ana   # short
    model: { provider: offline, model: rules }   # free
    system_prompt: |
      Be kind.

      Be brief.
    allowed_tools:
      - "quote_*"   # prices
      - stock

  - id: bob
    model:
      provider: 'offline'
      model: rules
    active: yes please
`;

const MERGED = "base: &base { x: 1 } # shared\nown:\n  <<: *base\n  y: 2\n";

interface Agents {
  agents: Record<string, unknown>[];
}
const parse = (text: string): unknown => parseYaml(text, { merge: true });
const read = (text: string) => parse(text) as Agents;

/** Changes the value with `change`, and checks that the text then says just that. */
function patched(text: string, change: (value: Agents) => void): string {
  const wanted = read(text);
  change(wanted);
  const result = patchYaml(text, wanted);
  expect(parse(result)).toEqual(wanted);
  return result;
}

describe("patchYaml()", () => {
  it("changes one value and not one byte around it", () => {
    const result = patched(AGENTS, ({ agents }) => void (agents[1]!["active"] = false));
    expect(result).toBe(AGENTS.replace("yes please", "false"));
  });

  it("changes a value between brackets in place", () => {
    const result = patched(AGENTS, ({ agents }) => {
      agents[0]!["model"] = { provider: "acme-ai", model: "rules" };
    });
    expect(result).toBe(AGENTS.replace("provider: offline, ", "provider: acme-ai, "));
  });

  it("adds a key behind the last of its map", () => {
    const result = patched(AGENTS, ({ agents }) => void (agents[0]!["language"] = "es"));
    expect(result).toBe(AGENTS.replace("      - stock\n", "      - stock\n    language: es\n"));
  });

  it("adds an item to a list and takes one away, with the comments of the others", () => {
    const added = patched(AGENTS, ({ agents }) => {
      (agents[0]!["allowed_tools"] as string[]).push("ship: now");
    });
    expect(added).toBe(AGENTS.replace("- stock\n", '- stock\n      - "ship: now"\n'));
    const removed = patched(AGENTS, ({ agents }) => void agents.splice(1, 1));
    expect(removed).toBe(AGENTS.slice(0, AGENTS.indexOf("  - id: bob")));
  });

  it("replaces a text of many lines by another", () => {
    const result = patched(AGENTS, ({ agents }) => {
      agents[0]!["system_prompt"] = "One.\n\n  Two.\n";
    });
    expect(result).toContain(
      "    system_prompt: |\n      One.\n\n        Two.\n    allowed_tools:",
    );
  });

  it("keeps the remark of a list that becomes empty, and fills an empty one", () => {
    const text = "tools: # none of these\n  - a\nother: []  # later\n";
    expect(patchYaml(text, { tools: [], other: ["b"] })).toBe(
      "tools: [] # none of these\nother:  # later\n  - b\n",
    );
  });

  it("writes the first entry of a file that only has remarks", () => {
    expect(patchYaml("# nobody yet", { tenants: { acme: {} } })).toBe(
      "# nobody yet\ntenants:\n  acme: {}\n",
    );
    expect(patchYaml("tenants:\n# end\n", { tenants: { acme: { active: false } } })).toBe(
      "tenants:\n  acme:\n    active: false\n# end\n",
    );
  });

  it("keeps the line ends and the byte order mark of other systems", () => {
    expect(patchYaml("\uFEFFa: 1\r\nb: 2\r\n", { a: 1, b: 3, c: [1] })).toBe(
      "\uFEFFa: 1\r\nb: 3\r\nc:\r\n  - 1\r\n",
    );
  });

  it("overrides a value that a merge key brings, and leaves the anchor alone", () => {
    expect(patchYaml(MERGED, { base: { x: 1 }, own: { x: 5, y: 2 } })).toBe(`${MERGED}  x: 5\n`);
  });

  it("gives a value of its own to what shared one by an anchor", () => {
    const wanted = { a: { n: 2 }, b: { n: 1 } };
    expect(parse(patchYaml("a: &x { n: 1 }\nb: *x\n", wanted))).toEqual(wanted);
  });

  it("refuses to take away what a merge key brings", () => {
    expect(() => patchYaml(MERGED, { base: { x: 1 }, own: { y: 2 } })).toThrow(
      expect.objectContaining({ code: "conflict" }),
    );
  });

  it("says where a file is broken", () => {
    expect(() => patchYaml("a: [1\nb: 2\n", {})).toThrow(/line 2/);
  });

  const name = fc.constantFrom("a", "b", "c-d", "e f", "null", "x:");
  const leaf = fc.oneof(
    fc.integer(),
    fc.boolean(),
    fc.constant(null),
    fc.string(),
    fc.constantFrom("two\nlines\n", "  lead\n\ntrail  ", "# no remark", "- x", "${A}", "on", "1e3"),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 3, withCrossShrink: true },
      leaf,
      fc.array(tie("value"), { maxLength: 4 }),
      fc.dictionary(name, tie("value"), { maxKeys: 4, noNullPrototype: true }),
    ),
  }));
  const root = fc.dictionary(name, value, { minKeys: 1, maxKeys: 5, noNullPrototype: true });

  it("says what was wanted, from whatever stood there before", () => {
    fc.assert(
      fc.property(root, root, fc.boolean(), (before, after, flow) => {
        const text = stringify(before, flow ? { collectionStyle: "flow" } : {});
        expect(parse(patchYaml(text, after))).toEqual(after);
      }),
      { numRuns: 500 },
    );
  });

  it("keeps every remark and every byte of entries that do not change", () => {
    fc.assert(
      fc.property(root, name, value, (before, key, next) => {
        fc.pre(!JSON.stringify(before).includes("#")); // text that looks like a remark
        // Each entry between two remarks of its own, oddly spaced, as a person would never.
        const parts = Object.entries(before).map(([k, v], i) => ({
          k,
          text: `# before ${i}\n\n${stringify({ [k]: v }, { lineWidth: 0 })}   # after ${i}\n`,
        }));
        const text = parts.map((part) => part.text).join("");
        fc.pre(JSON.stringify(parse(text)) === JSON.stringify(before)); // a remark became content
        const result = patchYaml(text, { ...before, [key]: next });
        expect(parse(result)).toEqual({ ...before, [key]: next });
        for (const [i, part] of parts.entries()) {
          if (part.k !== key) expect(result).toContain(part.text);
          else expect(result).toMatch(new RegExp(`# before ${i}\n[^]*# after ${i}\n`));
        }
      }),
      { numRuns: 500 },
    );
  });
});
