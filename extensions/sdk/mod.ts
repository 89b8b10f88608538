/**
 * Write a microapp: tools and hooks for AI agents, for many tenants.
 *
 * @example
 * ```ts
 * import { defineMicroapp, z } from "nexo-microapps/sdk";
 *
 * await defineMicroapp({
 *   tools: {
 *     greet: {
 *       description: "Greets a person by name",
 *       input: z.object({ name: z.string() }),
 *       handle: ({ name }, { accountId }) => `Hello ${name}, from ${accountId}`,
 *     },
 *   },
 * }).run();
 * ```
 *
 * @module
 */

export { z } from "zod";
export type {
  AgentEvent,
  AgentEventKind,
  BindingContext,
  InboundMessageMeta,
} from "../../core/contract/mod.ts";
export {
  type Admin,
  type AdminCallOptions,
  AdminError,
  type AdminErrorKind,
  type KnownMethod,
  type ParamsOf,
  type ResultOf,
} from "./admin.ts";
export type { Part } from "./answers.ts";
export type { AppContext, CallContext } from "./context.ts";
export type { EraseHandler, Erasure } from "./erase.ts";
export type {
  EventStream,
  EventStreamOptions,
  OpenEventStream,
  TranscriptGap,
  TranscriptPosition,
} from "./events.ts";
export {
  allow,
  block,
  type HookAnswer,
  type HookHandler,
  type HookParams,
  type HookPoint,
  type Hooks,
  override,
  transform,
} from "./hook.ts";
export type { Log } from "./log.ts";
export {
  defineMicroapp,
  type Env,
  type Microapp,
  type MicroappDefinition,
  type RunOptions,
} from "./microapp.ts";
export type { NotificationHandler, Notifications } from "./notifications.ts";
export { tokenHash } from "./operator.ts";
export type {
  DispatchAck,
  Outbound,
  OutboundEvent,
  OutboundMessage,
  PublishAck,
} from "./outbound.ts";
export type { AnySchema, JsonSchema } from "./schema.ts";
export { openTenantDir, parseAccountId } from "./state_dir.ts";
export type {
  ConversationScope,
  HumanReply,
  PauseOptions,
  ResumeOptions,
  Takeover,
} from "./takeover.ts";
export { tool, type ToolDefinition } from "./tool.ts";
export { ToolError, type ToolErrorKind } from "./tool_error.ts";
