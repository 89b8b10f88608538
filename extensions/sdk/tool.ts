/**
 * Tools: how they are declared and called.
 *
 * @module
 */
import { messageOf } from "../../core/contract/mod.ts";
import type { CallContext } from "./context.ts";
import { isObject } from "./json.ts";
import {
  type AnySchema,
  type Check,
  check,
  type Checked,
  isLibrarySchema,
  type JsonSchema,
  jsonSchemaOf,
} from "./schema.ts";
import { ToolError } from "./tool_error.ts";

/** A tool: what a model is told of it, and what it does. */
export interface ToolDefinition<Input extends AnySchema | JsonSchema, Config = unknown> {
  /** One or two sentences: what it does, and when to use it. */
  readonly description: string;
  /** Its arguments: a library's schema, which the SDK checks, or a JSON Schema, which core checks. */
  readonly input: Input;
  /** What the model is told of `input`, for libraries that give no JSON Schema. */
  readonly inputSchema?: JsonSchema;
  /** Gives any JSON, or throws a {@linkcode ToolError}. Calls run at the same time. */
  readonly handle: (args: Checked<Input>, context: CallContext<Config>) => unknown;
}

/** A tool of a file of its own, its arguments typed by its schema. */
export function tool<Input extends AnySchema | JsonSchema>(
  definition: ToolDefinition<Input>,
): ToolDefinition<Input> {
  return definition;
}

/** A tool, ready to be announced and called. */
export interface Tool {
  readonly description: string;
  readonly inputSchema: JsonSchema;
  /** May throw at once, or give what rejects. */
  readonly call: (args: unknown, context: CallContext) => unknown;
}

const namePattern = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Builds a tool from its definition.
 *
 * @throws {RangeError} when its name is none or its schema has no form in JSON
 */
export function createTool(
  name: string,
  { description, input, inputSchema, handle }: ToolDefinition<AnySchema | JsonSchema>,
): Tool {
  if (!namePattern.test(name)) {
    throw new RangeError(`Cannot define tool "${name}": a name is 1 to 64 of A-Z, a-z, 0-9, _, -`);
  }
  if (!isLibrarySchema(input)) {
    return {
      description,
      inputSchema: inputSchema ?? input,
      call: (args, context) => handle(isObject(args) ? args : {}, context),
    };
  }
  return {
    description,
    inputSchema: inputSchema ?? announced(name, input),
    call(args, context) {
      const run = (checked: Check<unknown>): unknown => {
        if (!checked.ok) throw new ToolError("invalid_arguments", checked.problem);
        return handle(checked.value, context);
      };
      const checked = check(input, args);
      return checked instanceof Promise ? checked.then(run) : run(checked);
    },
  };
}

function announced(name: string, input: AnySchema): JsonSchema {
  try {
    return jsonSchemaOf(input) ?? { type: "object" };
  } catch (cause) {
    const message = `Cannot announce tool "${name}": ${messageOf(cause)}; say it in inputSchema`;
    throw new RangeError(message, { cause });
  }
}
