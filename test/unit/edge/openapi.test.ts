/**
 * `/openapi.json`: complete, well formed by rules nobody here wrote, and true of real answers.
 *
 * @module
 */
import { createConfig, lintFromString } from "@redocly/openapi-core";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, it } from "vitest";
import { openLocalBus } from "../../../core/bus/local.ts";
import { ADMIN_METHODS, FirehoseFrame, subjects } from "../../../core/contract/mod.ts";
import { createEdge } from "../../../edge/app.ts";
import { readRequestBody } from "../../../edge/adapter.ts";
import { openApiDocument } from "../../../edge/openapi/document.ts";
import { silentLog } from "../../support/store.ts";
import { configOf, github, send, startEdge } from "./support.ts";

interface Operation {
  readonly operationId: string;
  readonly security: readonly Record<string, unknown>[];
  readonly parameters?: readonly { name: string; in: string; required?: boolean }[];
  readonly responses: Readonly<Record<string, Answer>>;
}
interface Answer {
  readonly description: string;
  readonly content?: Readonly<Record<string, { readonly schema: object }>>;
}

const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3"))) as ReturnType<
  typeof openApiDocument
>;
const operations = Object.entries(document.paths).flatMap(([path, item]) =>
  Object.entries(item).map(([method, one]) => ({ path, method, ...(one as Operation) }))
);

/** Checks values against schemas of the document. */
function createCheck() {
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  ajv.addSchema({ $id: "doc:", components: document.components });
  return (schema: object, value: unknown): string[] => {
    const text = JSON.stringify(schema).replaceAll('"#/', '"doc:#/');
    const validate = ajv.compile(JSON.parse(text) as object);
    return validate(value) ? [] : [ajv.errorsText(validate.errors)];
  };
}

function* refsIn(value: unknown): Generator<string> {
  if (typeof value !== "object" || value === null) return;
  for (const [key, item] of Object.entries(value)) {
    if (key === "$ref" && typeof item === "string") yield item;
    else yield* refsIn(item);
  }
}

describe("openApiDocument()", () => {
  it("has nothing that a linter of others finds wrong", async () => {
    const lint = async (source: string) => {
      const config = await createConfig({
        extends: ["recommended-strict"],
        // Wants `servers`: an edge is where it is reached. Wants a licence: this is no published API.
        rules: {
          "no-empty-servers": "off",
          "info-license": "off",
          // Refusals of ours are for whole groups of routes.
          "operation-4xx-response": "off",
          // A WebSocket answers 101.
          "operation-2xx-response": "off",
          // Answers of the admin methods are found by the method's name.
          "no-unused-components": "off",
        },
      });
      const found = await lintFromString({ source, config, absoluteRef: "openapi.json" });
      return found.map(({ ruleId, message, location }) =>
        `${ruleId} ${location[0]?.pointer ?? ""}: ${message}`
      );
    };
    expect(await lint(JSON.stringify(document))).toEqual([]);
    const broken = {
      ...document,
      paths: { ...document.paths, "/x/{y}": { get: { responses: {} } } },
    };
    expect((await lint(JSON.stringify(broken))).length).toBeGreaterThan(2);
  });

  it("describes every route an edge answers, and none it does not have", () => {
    const script = { name: "main.js", type: "text/javascript", text: "", gzip_base64: "" };
    const style = { ...script, name: "main.css", type: "text/css" };
    const { app } = createEdge({
      bus: openLocalBus(),
      now: Date.now,
      random: (bytes) => crypto.getRandomValues(bytes),
      log: silentLog,
      adapter: {
        remoteAddress: () => null,
        readBody: (request, _env, cap, deadline) =>
          readRequestBody(request as Request, cap, deadline),
      },
      version: "test",
      visitorSecret: "secret",
      authorize: () => Promise.resolve(false),
      assets: { console: { script, style }, chat: { script, style, widget: script } },
    });
    const described = new Set(
      operations.map(({ path, method }) => `${method} ${path.replaceAll(/\{\w+\}/g, "*")}`),
    );
    const pathOf = (path: string) => path.replaceAll(/:\w+/g, "*");
    const mounted = app.routes.filter(({ method }) => method !== "ALL");
    const names = mounted.map(({ path, method }) => `${method.toLowerCase()} ${pathOf(path)}`);
    expect(names.filter((name) => !described.has(name))).toEqual([]);
    // What answers any method, also the 405s, must at least have its path described.
    const paths = new Set(operations.map(({ path }) => path.replaceAll(/\{\w+\}/g, "*")));
    expect(app.routes.filter(({ path }) => !paths.has(pathOf(path)))).toEqual([]);
    // Sources are no routes of the app: any path may be one. Microapps' HTTP takes any method.
    const unrouted = [...described].filter((name) => !names.includes(name));
    expect(unrouted.filter((name) => !name.endsWith(" /apps/*/*"))).toEqual(["post /webhooks/*"]);
    expect(unrouted.length).toBe(8);
  });

  it("has only schemas that draft 2020-12 allows, and references that lead somewhere", () => {
    const ajv = new Ajv2020({ strict: false, validateFormats: false });
    for (const [name, schema] of Object.entries(document.components.schemas)) {
      expect([name, ajv.validateSchema(schema), ajv.errors]).toEqual([name, true, null]);
      expect(name).toMatch(/^[a-zA-Z0-9._-]+$/);
    }
    const known = new Set(
      Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`),
    );
    const refs = [...refsIn(document)];
    expect(refs.length).toBeGreaterThan(50);
    expect(refs.filter((target) => !known.has(target))).toEqual([]);
    // Nothing is there that nothing leads to.
    expect([...known].filter((target) => !refs.includes(target))).toEqual([]);
  });

  it("has unique operations, declared path parameters, known security and described answers", () => {
    const ids = operations.map(({ operationId }) => operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const schemes = Object.keys(document.components.securitySchemes);
    for (const { path, parameters = [], security, responses } of operations) {
      const declared = parameters.filter((one) => one.in === "path");
      expect(declared.every(({ required }) => required)).toBe(true);
      expect(declared.map(({ name }) => name)).toEqual(
        [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name),
      );
      for (const one of security) {
        expect(Object.keys(one).filter((name) => !schemes.includes(name))).toEqual([]);
      }
      expect(Object.keys(responses).every((status) => /^[1-5](\d\d|XX)$/.test(status))).toBe(true);
      expect(Object.values(responses).every(({ description }) => description !== "")).toBe(true);
    }
  });

  it("lists every method of the contract, and takes calls of them", () => {
    const rpc = document.paths["/rpc"]?.["post"] as { "x-nexo-methods": object };
    expect(Object.keys(rpc["x-nexo-methods"])).toEqual(Object.keys(ADMIN_METHODS));
    const check = createCheck();
    const request = { $ref: "#/components/schemas/RpcRequest" };
    const call = { jsonrpc: "2.0", id: 1, method: "nexo/operator/status", params: {} };
    expect(check(request, call)).toEqual([]);
    expect(check(request, { id: 1 })).not.toEqual([]);
    const params = { $ref: "#/components/schemas/nexo.admin.agents.get.params" };
    expect(check(params, { agent_id: "ana" })).toEqual([]);
    expect(check(params, { agent_id: 7 })).not.toEqual([]);
  });

  it("describes frames as the contract reads them", () => {
    const check = createCheck();
    const schema = { $ref: "#/components/schemas/FirehoseFrame" };
    const frame = { type: "gap", from: "e.1", to: "e.5" };
    expect([check(schema, frame), FirehoseFrame.safeParse(frame).success]).toEqual([[], true]);
    expect(check(schema, { type: "gap", from: "e.1" })).not.toEqual([]);
  });
});

describe("GET /openapi.json", () => {
  it("is open to anybody, names no source, and is true of what the edge answers", async () => {
    await using fixture = await startEdge(configOf([{ ...github, id: "acme-gh" }]));
    const { bus, edge } = fixture;
    bus.respond(
      subjects.chat,
      {},
      () => Promise.resolve(new TextEncoder().encode('{"messages":[],"cursor":null}')),
    );
    const forwarded = { "x-forwarded-for": "192.0.2.1" };
    const shown = await send(`${edge.url}/openapi.json`, { method: "GET", headers: forwarded });
    expect([shown.status, shown.headers["content-type"]]).toEqual([200, "application/json"]);
    expect(shown.body).not.toContain("acme");
    expect(JSON.parse(shown.body)).toEqual({
      ...document,
      info: { ...document.info, version: "test" },
    });

    const check = createCheck();
    const requests: [method: string, template: string, path?: string, headers?: object][] = [
      ["get", "/healthz"],
      ["get", "/readyz"],
      ["get", "/readyz", "/readyz", forwarded],
      ["get", "/metrics", "/metrics", forwarded],
      ["get", "/chat/{instance}/messages", "/chat/web/messages"],
      ["post", "/chat/{instance}/messages", "/chat/web/messages"],
      ["get", "/chat/{instance}", "/chat/web"],
      ["get", "/chat/{instance}/ws", "/chat/web/ws"],
      ["post", "/chat/{instance}/files", "/chat/web/files"],
      ["get", "/chat/{instance}/files/{file}", "/chat/web/files/none"],
      ["get", "/chat/{instance}/widget.js", "/chat/web/widget.js"],
      ["get", "/chat/{instance}/embed", "/chat/web/embed"],
      ["get", "/chat/{instance}/assets/{name}", "/chat/web/assets/none"],
      ["get", "/firehose"],
      ["get", "/firehose/sse"],
      ["post", "/session"],
      ["post", "/rpc"],
      ["get", "/console"],
      ["get", "/console/session"],
      ["post", "/console/session"],
      ["post", "/console/rpc"],
      ["get", "/console/firehose"],
      ["get", "/console/refusals"],
      ["get", "/console/assets/{name}", "/console/assets/none"],
      ["post", "/webhooks/{source}", "/webhooks/gh"],
      ["get", "/apps/{id}/{path}", "/apps/none/"],
      ["post", "/apps/{id}/{path}", "/apps/none/a%2fb"],
    ];
    for (const [method, template, path = template, headers = {}] of requests) {
      const answer = await send(edge.url + path, {
        method: method.toUpperCase(),
        headers: headers as Record<string, string>,
      });
      const responses = operations.find((one) => one.path === template && one.method === method)
        ?.responses ?? {};
      const described = responses[answer.status] ?? responses[`${String(answer.status)[0]}XX`];
      expect([method, path, answer.status, described === undefined]).toEqual([
        method,
        path,
        answer.status,
        false,
      ]);
      const schema = described?.content?.["application/json"]?.schema;
      if (schema !== undefined) expect(check(schema, JSON.parse(answer.body))).toEqual([]);
    }
  });
});
