/**
 * The microapp, put together.
 *
 * @module
 */
import { join } from "node:path";
import { setInterval } from "node:timers";
import { defineMicroapp, type Microapp } from "nexo-microapps/sdk";
import { createLoopDetector } from "./compliance/anti_loop.ts";
import { examine } from "./compliance/chain.ts";
import { complianceOf } from "./compliance/settings.ts";
import { serveProduct } from "./http/server.ts";
import { openProduct, type Product } from "./product.ts";
import { agentTools, providerTools, skillTools } from "./tools/agents.ts";
import { dripTools, leadTools } from "./tools/customers.ts";
import { pairingTools } from "./tools/pairing.ts";
import { conversationTools, escalationTools, takeoverTools, usageTools } from "./tools/people.ts";
import { withWords } from "./words.ts";

/** How often drips are looked through, in milliseconds. */
const TICK_MS = 5_000;

/** Where the microapp finds its files, and whether it serves its page. */
export interface AgentCreatorOptions {
  /** Holds `migrations` and `dist/page`. */
  readonly root: string;
  /** @default {true} */
  readonly serves?: boolean;
}

/** Builds the microapp; `run` starts it. */
export function createAgentCreator({ root, serves = true }: AgentCreatorOptions): Microapp {
  const now = (): number => Date.now();
  const detectLoop = createLoopDetector({ now });
  let opened: Product | undefined;
  const product = (): Product => {
    if (opened === undefined) throw new Error("the microapp has not started yet");
    return opened;
  };

  return defineMicroapp({
    async start(app) {
      const running = await openProduct(app, { migrations: join(root, "migrations"), now });
      opened = running;
      const timer = setInterval(() => {
        running.drips.tick().catch((error: unknown) =>
          app.log.warn("drips.tick", { error: String(error) })
        );
      }, TICK_MS);
      return {
        [Symbol.dispose]() {
          clearInterval(timer);
          running[Symbol.dispose]();
        },
      };
    },

    ...(serves ? { http: serveProduct(product, { page: join(root, "dist/page") }) } : {}),

    tools: withWords({
      ...agentTools,
      ...skillTools,
      ...providerTools,
      ...pairingTools(product),
      ...conversationTools,
      ...takeoverTools,
      ...escalationTools,
      ...leadTools(product),
      ...dripTools(product),
      ...usageTools,
    }),

    async erase({ accountId, contact }) {
      const { leads, consents } = await product().stores.of(accountId);
      return await leads.erase(contact) + await consents.erase(contact);
    },

    hooks: {
      async before_message({ text }, context) {
        const { accountId, agentId, binding, inbound, agentConfig, dispatch } = context;
        const contact = inbound?.sender_id;
        // Events and timers come from the operator, not from people.
        if (inbound?.kind !== "external_user" || contact == null || binding?.channel === "event") {
          return;
        }
        const who = { channel: binding?.channel ?? "unknown", contact };
        const { consents, leads } = await product().stores.of(accountId);
        return examine(
          { who, conversation: JSON.stringify([accountId, agentId, who]), text },
          complianceOf(agentConfig),
          {
            consents,
            detectLoop,
            farewell: async ({ channel, contact: to }, body) =>
              void await dispatch({ channel, to, body }),
            onHeard: (person, optedOut) =>
              leads.heard(
                { ...person, name: inbound.sender_name ?? null },
                optedOut ? "opt_out" : "reply",
              ),
          },
        );
      },
    },
  });
}
