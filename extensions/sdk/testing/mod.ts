/**
 * Test a microapp in your own process: a host that asks it what core would, and answers for core.
 *
 * @example
 * ```ts
 * import { openTestHost } from "nexo-microapps/sdk/testing";
 *
 * await using host = await openTestHost(app, { grants: ["agents_crud"] });
 * await host.callTool("note_add", { text: "Buy milk" }, { accountId: "acme" });
 * ```
 *
 * @module
 */

export { RpcFault } from "../../../core/contract/mod.ts";
export type { AdminAnswers, AdminCall } from "./admin.ts";
export { openTestHost, type TestHost, type TestHostOptions } from "./host.ts";
export { TestCallError, type TestFrame } from "./link.ts";
export type { TestCall } from "./meta.ts";
