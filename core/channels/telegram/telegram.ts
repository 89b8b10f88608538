/**
 * Telegram: bots, by webhook where the internet finds us, else by long polling.
 *
 * @module
 */
import type { Api } from "grammy";
import { z } from "zod";
import { CodedError } from "../../contract/mod.ts";
import type { Channel, NotReady } from "../channel.ts";
import type { ChannelDeps, ChannelKind } from "../kind.ts";
import { attendBot } from "./attend.ts";
import { sendByBot, TELEGRAM_TEXT_LIMIT } from "./send.ts";
import { hearUpdate } from "./updates.ts";

/** Sends of one bot: Telegram's own limit is about 30 a second. */
const RATE = { perSec: 25, burst: 25 };
/** How long Telegram has to say what a bot is called, in milliseconds. */
const ASK_MS = 5_000;
const API_ROOT = "https://api.telegram.org";

const Credential = z.object({ token: z.string().min(1) });

/** See {@linkcode ChannelKind}. */
export const telegram: ChannelKind = {
  id: "telegram",
  textLimit: TELEGRAM_TEXT_LIMIT,
  open(deps): Channel {
    const bots = createBots(deps);
    return {
      id: "telegram",
      sends: new Set(["text", "reply", "media", "typing"]),
      repeats: false,
      rateOf: () => RATE,
      ready: async (instance) => {
        const bot = await bots.of(instance);
        return "kind" in bot ? bot : undefined;
      },
      async send(outbound, { signal }) {
        const bot = await bots.of(outbound.instance);
        return "kind" in bot ? bot : sendByBot(bot, outbound, signal);
      },
      async linkTo(instance, parameter) {
        const bot = await bots.of(instance);
        if ("kind" in bot) return undefined;
        const stop = AbortSignal.timeout(ASK_MS) as unknown as Parameters<Api["getMe"]>[0];
        const { username } = await bot.getMe(stop);
        return `https://t.me/${username}?start=${encodeURIComponent(parameter)}`;
      },
      webhookOf: (instance) => ({
        source: { preset: "telegram" },
        secret: webhookSecret(deps, instance),
        verifyToken: null,
      }),
      hear({ body_json, received_at_ms }, instance) {
        const heard = hearUpdate(body_json, received_at_ms);
        const chats = configOf(deps, instance)?.allowlist.chat_ids ?? [];
        if (chats.length === 0) return heard;
        const messages = heard.messages.filter(({ replyAddress }) =>
          chats.includes(replyAddress?.to ?? "")
        );
        return { ...heard, messages };
      },
      async fetchPart(ref, instance, { signal }) {
        const bot = await bots.of(instance);
        if ("kind" in bot) throw new CodedError("fetch_failed", `Cannot fetch: ${bot.reason}`);
        const stop = signal as unknown as Parameters<Api["getMe"]>[0];
        const { file_path: path } = await bot.getFile(ref, stop);
        if (path === undefined) {
          throw new CodedError("fetch_refused", "Cannot fetch: Telegram gives no file so large");
        }
        const root = apiRootOf(deps, instance);
        return deps.fetchMedia(`${root}/file/bot${bot.token}/${encodeURI(path)}`, {
          signal,
          trustedOrigin: new URL(root).origin,
        });
      },
      async attend(instance, signal) {
        const bot = await bots.of(instance);
        const config = configOf(deps, instance);
        if ("kind" in bot) return bot;
        return attendBot(bot, {
          ...deps,
          instance,
          secret: webhookSecret(deps, instance),
          polling: config?.polling.enabled === true
            ? { waitMs: config.polling.interval_ms }
            : undefined,
        }, signal);
      },
    };
  },
};

/** What Telegram shows in each webhook of a bot. */
function webhookSecret({ ownSecret }: ChannelDeps, instance: string): string {
  return ownSecret(`telegram/${instance}`);
}

function configOf({ settings }: ChannelDeps, instance: string) {
  return settings().plugins.telegram.find((bot) => bot.instance === instance);
}

function apiRootOf(deps: ChannelDeps, instance: string): string {
  return configOf(deps, instance)?.api_root?.replace(/\/$/, "") ?? API_ROOT;
}

/** The clients of all bots; one whose token or address changed is made anew. */
function createBots(deps: ChannelDeps): { of: (instance: string) => Promise<Api | NotReady> } {
  const made = new Map<string, { readonly key: string; readonly api: Api }>();
  return {
    async of(instance) {
      const config = configOf(deps, instance);
      if (config?.enabled !== true) return notReady(`no bot "${instance}" is switched on`);
      const credential = Credential.safeParse(deps.credentialOf("telegram", instance));
      const token = config.token ?? credential.data?.token;
      if (token === undefined) return notReady(`bot "${instance}" has no token`);
      const apiRoot = apiRootOf(deps, instance);
      const key = `${apiRoot} ${token}`;
      const known = made.get(instance);
      if (known?.key === key) return known.api;
      // Loaded when the first bot needs it: most installations have none.
      const { Api } = await import("grammy");
      const api = new Api(token, { apiRoot, sensitiveLogs: false });
      made.set(instance, { key, api });
      return api;
    },
  };
}

function notReady(reason: string): NotReady {
  return { kind: "not_ready", reason };
}
