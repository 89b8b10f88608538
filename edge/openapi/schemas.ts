/**
 * The schemas of `/openapi.json`, made from those that check what goes in and out.
 *
 * @module
 */
import { z } from "zod";
import {
  ADMIN_METHODS,
  type AdminMethodName,
  FirehoseFrame,
  Readiness,
  RpcError,
} from "../../core/contract/mod.ts";
import { ChatFrame, VisitorFrame } from "../chat/frames.ts";
import { ChatUploaded } from "../chat/files.ts";
import { ChatSaid } from "../chat/messages.ts";
import { SignIn } from "../console/session.ts";
import { TicketAnswer } from "../firehose/access.ts";

/** A JSON Schema of draft 2020-12, which OpenAPI 3.1 takes as it is. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** Refers to a schema of the document. */
export function ref(name: string): JsonSchema {
  return { $ref: `#/components/schemas/${name}` };
}

const id = z.union([z.string(), z.number(), z.null()]);

const Problem = z.strictObject({
  error: z.strictObject({
    /** Stable, for programs. */
    code: z.string(),
    message: z.string(),
    request_id: z.string(),
  }),
});

/** What callers send: what the schemas take, before defaults and transformations. */
const SENT: Readonly<Record<string, z.ZodType>> = { ChatSaid, VisitorFrame, SignIn };

/** What they are answered. */
const ANSWERED: Readonly<Record<string, z.ZodType>> = {
  Problem,
  Health: z.strictObject({ status: z.literal("ok"), version: z.string() }),
  Readiness,
  Ticket: TicketAnswer,
  FirehoseFrame,
  ChatAccepted: z.object({ accepted: z.boolean(), message_id: z.string().nullable() }),
  ChatMessages: z.object({ messages: z.array(z.unknown()), cursor: z.string().nullable() }),
  ChatEmbed: z.object({ title: z.string().nullable() }),
  ChatFrame,
  ChatUploaded,
  RpcResponse: z.union([
    z.object({ jsonrpc: z.literal("2.0"), id, result: z.unknown() }),
    z.object({ jsonrpc: z.literal("2.0"), id, error: RpcError }),
  ]),
  ConsoleSession: z.object({ subject: z.string(), expires_at_ms: z.int() }),
  Refusals: z.object({
    refusals: z.array(z.object({
      source_id: z.string(),
      status: z.int(),
      code: z.string(),
      reason: z.string(),
      client_ip: z.string().nullable(),
      request_id: z.string(),
      at_ms: z.int(),
    })),
  }),
};

const methodNames = Object.keys(ADMIN_METHODS) as AdminMethodName[];

/** Where a method's params or result stand. */
function methodSchema(method: string, part: "params" | "result"): string {
  return `${method.replaceAll("/", ".")}.${part}`;
}

/** Every schema, by its name. */
export function componentSchemas(): Record<string, JsonSchema> {
  const all: Record<string, JsonSchema> = {};
  for (const [name, schema] of Object.entries(SENT)) addSchema(all, name, schema, "input");
  for (const [name, schema] of Object.entries(ANSWERED)) addSchema(all, name, schema, "output");
  for (const method of methodNames) {
    const { params, result } = ADMIN_METHODS[method];
    addSchema(all, methodSchema(method, "params"), params, "input");
    addSchema(all, methodSchema(method, "result"), result, "output");
  }
  all["RpcRequest"] = rpcRequest();
  return all;
}

/** What each method takes and answers, for programs that make a client of the document. */
export function rpcMethods(): JsonSchema {
  return Object.fromEntries(methodNames.map((method) => [method, {
    capability: ADMIN_METHODS[method].capability,
    params: ref(methodSchema(method, "params")),
    result: ref(methodSchema(method, "result")),
  }]));
}

function rpcRequest(): JsonSchema {
  const call = (method: JsonSchema, params: JsonSchema): JsonSchema => ({
    type: "object",
    properties: {
      jsonrpc: { const: "2.0" },
      id: { type: ["string", "number"] },
      method,
      params,
    },
    required: ["id", "method"],
  });
  return {
    anyOf: [
      ...methodNames.map((method) => call({ const: method }, ref(methodSchema(method, "params")))),
      {
        ...call({ type: "string", pattern: "^nexo/" }, { type: "object" }),
        description: "Any other method, such as those of the command line: nexo/operator/…",
      },
    ],
  };
}

/** Puts a schema into the document; definitions of its own become schemas beside it. */
function addSchema(
  all: Record<string, JsonSchema>,
  name: string,
  schema: z.ZodType,
  io: "input" | "output",
): void {
  const made = z.toJSONSchema(schema, { io, unrepresentable: "any" });
  const { $schema: _draft, $defs = {}, ...own } = made;
  const place = (target: string): string =>
    `#/components/schemas/${target === "#" ? name : `${name}.${target.slice("#/$defs/".length)}`}`;
  for (const [key, inner] of Object.entries($defs)) {
    all[`${name}.${key}`] = withRefs(inner, place) as JsonSchema;
  }
  all[name] = withRefs(own, place) as JsonSchema;
}

function withRefs(value: unknown, place: (target: string) => string): unknown {
  if (Array.isArray(value)) return value.map((item) => withRefs(item, place));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      key,
      key === "$ref" && typeof item === "string" ? place(item) : withRefs(item, place),
    ]),
  );
}
