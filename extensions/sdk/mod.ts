/**
 * Write a microapp: tools and hooks for AI agents, for many tenants.
 *
 * @example
 * ```ts
 * import { createMicroapp, z } from "nexo-microapps/sdk";
 *
 * const app = createMicroapp({ name: "greeter", version: "0.1.0" });
 * app.tool(
 *   "greet",
 *   { description: "Greets a person by name", input: z.object({ name: z.string() }) },
 *   ({ name }, { accountId }) => `Hello ${name}, from ${accountId}`,
 * );
 * await app.run();
 * ```
 *
 * @module
 */

export { z } from "zod";
export type { BindingContext, InboundMessageMeta } from "../../core/contract/mod.ts";
export { type Admin, AdminError, type AdminErrorKind } from "./admin.ts";
export type { CallContext } from "./context.ts";
export { allow, block, type HookAnswer, type HookPoint, override, transform } from "./hook.ts";
export type { Log } from "./log.ts";
export { createMicroapp, type Microapp, type RunOptions } from "./microapp.ts";
export type { HookHandler, Listener } from "./serve.ts";
export {
  openTestSession,
  type TestCall,
  TestCallError,
  type TestSession,
  type TestSessionOptions,
} from "./testing.ts";
export type { JsonSchema, ToolArguments, ToolHandler, ToolOptions } from "./tool.ts";
export { ToolError, type ToolErrorKind } from "./tool_error.ts";
