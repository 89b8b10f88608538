/**
 * Tools that connect a WhatsApp number: by convention the instance is called like the customer.
 *
 * @module
 */
import { tool, z } from "nexo-microapps/sdk";
import { requireOwnAgent } from "./own.ts";

const challenge = z.object({ challenge_id: z.uuid() });

/** `whatsapp_pair_*`. */
export const pairingTools = {
  whatsapp_pair_start: tool({
    description: "Makes a link and a QR code by which a person connects on WhatsApp.",
    input: z.object({ agent_id: z.string().min(1) }),
    async handle({ agent_id }, context) {
      await requireOwnAgent(agent_id, context);
      const { accountId: instance } = context;
      return context.admin.call("pairing/start", { agent_id, channel: "whatsapp", instance });
    },
  }),
  whatsapp_pair_status: tool({
    description: "Says where a pairing stands.",
    input: challenge,
    handle: (args, { admin }) => admin.call("pairing/status", args),
  }),
  whatsapp_pair_cancel: tool({
    description: "Ends a pairing that nobody has followed yet.",
    input: challenge,
    handle: (args, { admin }) => admin.call("pairing/cancel", args),
  }),
};
