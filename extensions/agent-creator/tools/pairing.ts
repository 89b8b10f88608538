/**
 * Tools that connect a WhatsApp number: by convention the instance is called like the customer.
 *
 * @module
 */
import { tool, ToolError, z } from "nexo-microapps/sdk";
import type { Product } from "../product.ts";
import { requireOwnAgent } from "./own.ts";

const challenge = z.object({ challenge_id: z.uuid() });

/** `whatsapp_pair_*`. */
export function pairingTools(product: () => Pick<Product, "customers">) {
  /** Refuses another tenant's pairing in the words for one that is not there. */
  async function requireOwn(challengeId: string, accountId: string): Promise<void> {
    if (await product().customers.ownsChallenge(accountId, challengeId)) return;
    throw new ToolError("invalid_arguments", `there is no pairing "${challengeId}"`);
  }

  return {
    whatsapp_pair_start: tool({
      description: "Makes a link and a QR code by which a person connects on WhatsApp.",
      input: z.object({ agent_id: z.string().min(1) }),
      async handle({ agent_id }, context) {
        await requireOwnAgent(agent_id, context);
        const { accountId: instance, admin } = context;
        const channel = "whatsapp";
        const started = await admin.call("pairing/start", { agent_id, channel, instance });
        await product().customers.keepChallenge(instance, started.challenge_id);
        return started;
      },
    }),
    whatsapp_pair_status: tool({
      description: "Says where a pairing stands.",
      input: challenge,
      async handle({ challenge_id }, { admin, accountId }) {
        await requireOwn(challenge_id, accountId);
        return admin.call("pairing/status", { challenge_id });
      },
    }),
    whatsapp_pair_cancel: tool({
      description: "Ends a pairing that nobody has followed yet.",
      input: challenge,
      async handle({ challenge_id }, { admin, accountId }) {
        await requireOwn(challenge_id, accountId);
        return admin.call("pairing/cancel", { challenge_id });
      },
    }),
  };
}
