/**
 * A Telegram bot's token.
 *
 * @module
 */
import { z } from "zod";
import type { CredentialValidation } from "../../contract/admin/credentials.ts";
import { messageOf } from "../../contract/mod.ts";
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
  async probe({ payload }, { fetch, apiRoot, timeoutMs }): Promise<CredentialValidation> {
    const { token } = Payload.parse(payload);
    const failed = (
      reason_code: "auth_failed" | "connectivity_failed",
      detail: string,
    ): CredentialValidation => ({
      probed: true,
      healthy: false,
      detail: detail.replaceAll(token, "[token]"),
      reason_code,
    });
    try {
      const response = await fetch(`${apiRoot ?? API_ROOT}/bot${token}/getMe`, {
        signal: AbortSignal.timeout(timeoutMs),
        redirect: "error",
      });
      if (response.status === 401 || response.status === 404) {
        return failed("auth_failed", `Telegram answered ${response.status}`);
      }
      if (!response.ok) {
        return failed("connectivity_failed", `Telegram answered ${response.status}`);
      }
      const me = Me.parse(await response.json());
      if (!me.ok) return failed("auth_failed", "Telegram does not know the token");
      return {
        probed: true,
        healthy: true,
        detail: `authenticated as @${me.result?.username ?? "?"}`,
        reason_code: "ok",
      };
    } catch (error) {
      return failed("connectivity_failed", messageOf(error));
    }
  },
};
