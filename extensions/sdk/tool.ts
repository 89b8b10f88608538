/**
 * Tools: how they are declared and called.
 *
 * @module
 */
import { z } from "zod";
import { type CallContext, isObject } from "./context.ts";
import { ToolError } from "./tool_error.ts";

/** A JSON Schema, written by hand. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** What a model is told about a tool. */
export interface ToolOptions<Input extends z.ZodType | JsonSchema> {
  /** One or two sentences: what it does, and when to use it. */
  readonly description: string;
  /** A zod schema, which also checks the arguments, or a JSON Schema, which core checks. */
  readonly input: Input;
}

/** What the handler of a tool is given. */
export type ToolArguments<Input extends z.ZodType | JsonSchema> = Input extends z.ZodType
  ? z.output<Input>
  : Readonly<Record<string, unknown>>;

/** Gives any JSON, or throws a {@linkcode ToolError}. */
export type ToolHandler<Input extends z.ZodType | JsonSchema> = (
  args: ToolArguments<Input>,
  context: CallContext,
) => unknown;

/** A tool, ready to be announced and called. */
export interface Tool {
  readonly description: string;
  readonly inputSchema: JsonSchema;
  readonly call: (args: unknown, context: CallContext) => Promise<unknown>;
}

function isZod(input: z.ZodType | JsonSchema): input is z.ZodType {
  return "safeParseAsync" in input && typeof input.safeParseAsync === "function";
}

/** Builds a tool from its declaration. */
export function createTool<Input extends z.ZodType | JsonSchema>(
  { description, input }: ToolOptions<Input>,
  handler: ToolHandler<Input>,
): Tool {
  const schema: z.ZodType | JsonSchema = input;
  if (!isZod(schema)) {
    const handle = handler as ToolHandler<JsonSchema>;
    return {
      description,
      inputSchema: schema,
      async call(args, context) {
        return await handle(isObject(args) ? args : {}, context);
      },
    };
  }
  const { $schema: _, ...inputSchema } = z.toJSONSchema(schema, { io: "input", target: "draft-7" });
  return {
    description,
    inputSchema,
    async call(args, context) {
      const read = await schema.safeParseAsync(args);
      if (!read.success) {
        throw new ToolError("invalid_arguments", describeIssues(read.error.issues));
      }
      return await handler(read.data as ToolArguments<Input>, context);
    },
  };
}

function describeIssues(issues: readonly z.core.$ZodIssue[]): string {
  return issues.map(({ path, message }) =>
    path.length === 0 ? message : `${path.join(".")}: ${message}`
  )
    .join("; ");
}
