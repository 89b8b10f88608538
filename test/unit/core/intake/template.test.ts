/**
 * Templates of event subscribers.
 *
 * @module
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MISSING, renderTemplate } from "../../../../core/intake/template.ts";
import { plainOf, untrusted } from "../../../../core/models/untrusted.ts";

const subject = "marketing.drip.fire.acme";
const payload = JSON.parse(
  `{"body_json":{"items":[{"id":"a"},{"id":"b"}],"n":12.5,"big":1e21,"ok":false,"none":null,"s":"x"},
    "subject":"spoofed","":"blank","a b":"space","__proto__":{"own":"mine"}}`,
) as unknown;
const render = (template: string): string => renderTemplate(template, { payload, subject });

describe("renderTemplate()", () => {
  it("enters objects by key and arrays by index, white space around the path ignored", () => {
    expect(render("{{body_json.s}}-{{ body_json.items.1.id }}")).toBe("x-b");
    expect(render("{{a b}}")).toBe("space");
  });

  it("prints numbers and booleans as JSON does", () => {
    expect(render("{{body_json.n}} {{body_json.big}} {{body_json.ok}}")).toBe("12.5 1e+21 false");
  });

  it("prints <missing> for nothing, null, objects and arrays", () => {
    for (
      const path of [
        "nope",
        "body_json",
        "body_json.items",
        "body_json.none",
        "body_json.s.0",
        "body_json.items.2",
        "body_json.items.-1",
        "body_json..s",
        ".",
      ]
    ) expect(render(`[{{${path}}}]`)).toBe(`[${MISSING}]`);
  });

  it("sees only own members, never a prototype's and never a length", () => {
    for (
      const path of [
        "constructor.name",
        "toString",
        "body_json.__proto__",
        "body_json.items.length",
        "body_json.s.length",
        "body_json.items.map.name",
        "subject.length",
      ]
    ) expect(render(`{{${path}}}`)).toBe(MISSING);
    expect(render("{{__proto__.own}}")).toBe("mine");
    const heir = Object.create({ inherited: "no" }) as unknown;
    expect(renderTemplate("{{inherited}}", { payload: heir, subject })).toBe(MISSING);
  });

  it("takes subject from the bus whatever the payload says, whole or by token from 0", () => {
    expect(render("{{subject}}")).toBe(subject);
    expect(render("{{subject.0}} {{subject.3}} {{subject.4}}")).toBe(`marketing acme ${MISSING}`);
    expect(render("{{subject.3.x}}")).toBe(MISSING);
  });

  it("leaves blank paths and unclosed braces as they are", () => {
    for (const text of ["{{}}", "{{  }}", "{{body_json.s", "a {{ b } c", "}} {", "{{{", "{"]) {
      expect(render(text)).toBe(text);
    }
    expect(render("{{ {{body_json.s}} }}")).toBe(`${MISSING} }}`);
  });

  it("marks the values it puts in, and neither the operator's text nor <missing>", () => {
    const text = renderTemplate("<b> {{body_json.s}} {{body_json.n}} {{nope}} {{}}", {
      payload,
      subject,
    }, { mark: untrusted });
    expect(text).toBe(
      "<b> <untrusted>x</untrusted> <untrusted>12.5</untrusted> <missing> {{}}",
    );
  });

  it("does not read a value as a template", () => {
    const roots = { payload: { a: "{{b}}", b: "no" }, subject: "x" };
    expect(renderTemplate("{{a}}", roots)).toBe("{{b}}");
  });

  it("never throws, on any template and payload", () => {
    const braces = fc.array(
      fc.oneof(
        fc.constantFrom("{{", "}}", "{", "}", "a", ".", "0", "__proto__", "subject"),
        fc.string(),
      ),
    ).map((parts) => parts.join(""));
    fc.assert(fc.property(braces, fc.jsonValue(), fc.string(), (template, value, name) => {
      renderTemplate(template, { payload: value, subject: name }, { mark: untrusted });
    }));
  });

  it("E8: lets no value forge a marker: without the markers, the text is what it would have been", () => {
    const value = fc.array(
      fc.oneof(fc.constantFrom("<untrusted>", "</untrusted>", "&lt;", "&", "<"), fc.string()),
    ).map((parts) => parts.join(""));
    fc.assert(fc.property(value, value, (a, b) => {
      const [template, roots] = ["A {{a}}{{b}} B {{a}}", {
        payload: { a, b },
        subject: "x",
      }] as const;
      const marked = renderTemplate(template, roots, { mark: untrusted });
      expect(plainOf(marked)).toBe(renderTemplate(template, roots));
      expect(marked.split("<untrusted>")).toHaveLength(4);
      expect(marked.split("</untrusted>")).toHaveLength(4);
    }));
  });
});
