/**
 * What keeps a tool within its tenant: this microapp may see all of them, a call may not.
 *
 * @module
 */
import { type CallContext, ToolError } from "nexo-microapps/sdk";

/** As much of a call as asking core takes. */
export type Asking = Pick<CallContext, "admin" | "accountId">;

/** The agents of the call's tenant, by id. */
export async function ownAgents({ admin, accountId }: Asking): Promise<string[]> {
  const { agents } = await admin.call("agents/list", { tenant_id: accountId });
  return agents.map(({ id }) => id);
}

/** Refuses an agent of another tenant in the words for one that is not there. */
export async function requireOwnAgent(agentId: string, asking: Asking): Promise<void> {
  if ((await ownAgents(asking)).includes(agentId)) return;
  throw new ToolError("invalid_arguments", `there is no agent "${agentId}"`);
}
