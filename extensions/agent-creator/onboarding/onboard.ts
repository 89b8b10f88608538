/**
 * A new customer, step by step: tenant, agent, credential, pairing, first message.
 *
 * Each step is kept before the next begins, and each may be repeated: whoever calls again goes on.
 *
 * @module
 */
import { type Admin, z } from "nexo-microapps/sdk";
import type { TenantCredentials } from "../store/tenant_credentials.ts";
import type { Customer, Customers } from "../store/tenants.ts";

/** Who is to be a customer. */
export const NewCustomer = z.object({
  account_id: z.string().regex(
    /^[a-z0-9][a-z0-9-]{0,63}$/,
    "1 to 64 of a-z, 0-9 and -, starting with a letter or digit",
  ),
  display_name: z.string().trim().min(1).max(128),
  plan: z.enum(["trial", "basic", "pro"]).default("trial"),
});
/** See {@linkcode NewCustomer}. */
export type NewCustomer = z.output<typeof NewCustomer>;

/** The customer's first agent. */
export const FirstAgent = z.object({
  provider: z.string().min(1).default("offline"),
  model: z.string().min(1).default("rules"),
  system_prompt: z.string().max(32_000).default("You help customers, briefly and kindly."),
  language: z.string().max(64).optional(),
  allowed_tools: z.array(z.string()).default([]),
});
/** See {@linkcode FirstAgent}. */
export type FirstAgent = z.output<typeof FirstAgent>;

/** How customers reach the agent. */
export const FirstLine = z.object({
  channel: z.enum(["webchat", "telegram", "whatsapp", "slack", "email"]),
  payload: z.record(z.string(), z.unknown()).default({}),
  metadata: z.record(z.string(), z.unknown()).default({}),
});
/** See {@linkcode FirstLine}. */
export type FirstLine = z.output<typeof FirstLine>;

/** What onboarding needs. */
export interface OnboardingDeps {
  readonly admin: Admin;
  readonly customers: Customers;
  readonly credentials: TenantCredentials;
}

/** The steps. */
export interface Onboarding {
  readonly addCustomer: (customer: NewCustomer) => Promise<Customer>;
  readonly addAgent: (account: string, agent: FirstAgent) => Promise<Customer>;
  /** Registers the credential: the line is the customer's from then on. */
  readonly addLine: (
    account: string,
    line: FirstLine,
  ) => Promise<{ customer: Customer; validation: unknown }>;
  /** Makes the link a person follows; the state is asked for with `pairing/status`. */
  readonly startPairing: (account: string) => Promise<{ customer: Customer; instructions: string }>;
  /** Marks onboarding as over. */
  readonly finish: (account: string) => Promise<Customer>;
}

/** Returns the steps. */
export function createOnboarding(
  { admin, customers, credentials }: OnboardingDeps,
): Onboarding {
  async function find(account: string): Promise<Customer> {
    const customer = await customers.find(account);
    if (customer === undefined) throw new RangeError(`there is no customer "${account}"`);
    return customer;
  }
  function agentOf({ account_id, agent_id }: Customer): string {
    if (agent_id === null) throw new RangeError(`customer "${account_id}" has no agent yet`);
    return agent_id;
  }

  return {
    async addCustomer({ account_id, display_name, plan }) {
      const known = await customers.find(account_id);
      if (known !== undefined && known.display_name !== display_name) {
        throw new RangeError(`"${account_id}" is the id of ${known.display_name}; choose another`);
      }
      await admin.call("tenants/upsert", { id: account_id, display_name });
      await customers.create({ account_id, display_name, plan });
      return find(account_id);
    },

    async addAgent(account, { provider, model, ...agent }) {
      const customer = await find(account);
      const id = customer.agent_id ?? `${account}-agent`;
      await admin.call("agents/upsert", {
        id,
        ...agent,
        model: { provider, model },
        tenant_id: account,
      });
      await customers.advance(account, "agent", { agent_id: id });
      return find(account);
    },

    async addLine(account, { channel, payload, metadata }) {
      const agentId = agentOf(await find(account));
      const { validation } = await admin.call("credentials/register", {
        channel,
        instance: account,
        tenant_id: account,
        agent_ids: [agentId],
        payload: payload as never,
        metadata: metadata as never,
      });
      await credentials.keep(account, channel, { payload, metadata });
      await customers.advance(account, "credential", { channel });
      return { customer: await find(account), validation: validation ?? null };
    },

    async startPairing(account) {
      const customer = await find(account);
      if (customer.channel === null) throw new RangeError(`customer "${account}" has no line yet`);
      // One link at a time: whoever finds an older one shall not come in by it.
      if (customer.challenge_id !== null) {
        await admin.call("pairing/cancel", { challenge_id: customer.challenge_id });
      }
      const { challenge_id, instructions } = await admin.call("pairing/start", {
        agent_id: agentOf(customer),
        channel: customer.channel,
        instance: account,
      });
      await customers.advance(account, "pairing", { challenge_id });
      return { customer: await find(account), instructions };
    },

    async finish(account) {
      await find(account);
      await customers.advance(account, "done", {});
      return find(account);
    },
  };
}
