/**
 * A Telegram bot's token.
 *
 * @module
 */
import { z } from "zod";
import { askProvider } from "./ask.ts";
import type { ChannelCredential } from "./credential.ts";

const API_ROOT = "https://api.telegram.org";

const Payload = z.object({ token: z.string().trim().min(1) });
const Metadata = z.object({
  polling: z.object({
    enabled: z.boolean().optional(),
    interval_ms: z.int().min(100).optional(),
  }).optional(),
  allow_agents: z.array(z.string()).optional(),
  allowed_chat_ids: z.array(z.int()).optional(),
});

const Me = z.object({
  ok: z.boolean(),
  result: z.object({ username: z.string().optional() }).optional(),
});

/** See {@linkcode ChannelCredential}. */
export const telegramCredential: ChannelCredential = {
  channel: "telegram",
  needsInstance: false,
  problemOf({ payload, metadata }) {
    if (!Payload.safeParse(payload).success) {
      return "telegram payload.token is required and must be a non-empty string";
    }
    const [issue] = Metadata.safeParse(metadata).error?.issues ?? [];
    return issue && `telegram metadata.${issue.path.join(".")}: ${issue.message}`;
  },
  place: { file: "plugins/telegram.yaml", path: ["telegram"], secrets: ["token"] },
  fieldsFor({ metadata }) {
    const { polling, allow_agents, allowed_chat_ids } = Metadata.parse(metadata);
    return {
      enabled: true,
      ...(polling && { polling }),
      ...(allow_agents && { allow_agents }),
      ...(allowed_chat_ids && { allowlist: { chat_ids: allowed_chat_ids } }),
    };
  },
  probe({ payload }, { apiRoot = API_ROOT, ...deps }) {
    const { token } = Payload.parse(payload);
    return askProvider({
      provider: "Telegram",
      url: `${apiRoot}/bot${token}/getMe`,
      secret: token,
      whose(answer) {
        const me = Me.safeParse(answer);
        return me.data?.ok === true ? `@${me.data.result?.username ?? "?"}` : undefined;
      },
    }, deps);
  },
};
