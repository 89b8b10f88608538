/**
 * What went wrong, in words for whoever asked: a person at a page, or the model that called a tool.
 *
 * @module
 */
import { AdminError, type CallContext, ToolError, z } from "nexo-microapps/sdk";

/** Says what failed and, where there is one, the way out. */
export function say(error: Error): string {
  if (error instanceof z.ZodError) {
    const [issue] = error.issues;
    return issue === undefined ? "Not understood" : `${issue.path.join(".")}: ${issue.message}`;
  }
  if (error instanceof SyntaxError) return "This is not JSON";
  if (!(error instanceof AdminError)) return error.message;
  const text = error.message.replace(/^(?:internal: )?(?:(?:invalid_params|not_found): )?/, "");
  switch (error.kind) {
    case "capability_not_granted":
      return `${text}. The operator grants it in extensions.yaml, under capabilities_grant`;
    case "transport":
      return `nexo gave no answer (${text}). Try again; if it stays so, nexo doctor says why`;
    case "invalid_params":
    case "not_found":
    case "internal":
      return text;
  }
}

/** As much of a tool as can fail. */
interface Fallible {
  readonly handle: (args: never, context: CallContext) => unknown;
}

/** The same tools, whose failures say what to do, and count as ours only where they are. */
export function withWords<Tools extends Readonly<Record<string, Fallible>>>(tools: Tools): Tools {
  const told = Object.entries(tools).map(([name, one]) => [name, {
    ...one,
    async handle(args: never, context: CallContext) {
      try {
        return await one.handle(args, context);
      } catch (error) {
        throw toolErrorOf(error);
      }
    },
  }]);
  return Object.fromEntries(told) as Tools;
}

function toolErrorOf(error: unknown): unknown {
  if (error instanceof RangeError) {
    return new ToolError("invalid_arguments", error.message, { cause: error });
  }
  if (!(error instanceof AdminError)) return error;
  const options = { cause: error };
  switch (error.kind) {
    case "capability_not_granted":
      return new ToolError("unauthorized", say(error), options);
    case "invalid_params":
    case "not_found":
      return new ToolError("invalid_arguments", say(error), options);
    case "transport":
    case "internal":
      return new ToolError("internal", say(error), options);
  }
}
