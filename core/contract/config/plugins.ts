/**
 * `plugins/<channel>.yaml`: the channels people write on, and whose each instance is.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, Slug } from "../ids.ts";
import {
  block,
  Count,
  Json,
  list,
  optional,
  Positive,
  schemaVersion,
  Text,
  withDefault,
} from "./block.ts";
import { SenderRateLimit } from "./limits.ts";

const instanceKeys = {
  /** By convention the tenant's id. */
  instance: withDefault(Slug, "default"),
  /** The tenant; absent: the agent's, else the instance when a tenant is called so. */
  account_id: optional(AccountId),
};

/** The web chat. Without a file, every `webchat` binding is an instance with these defaults. */
export const WebchatConfig = block({
  enabled: withDefault(z.boolean(), true),
  instances: list(z.strictObject({
    instance: Slug,
    account_id: instanceKeys.account_id,
    /** How often one visitor may write. */
    visitor_rate_limit: withDefault(SenderRateLimit, { rps: 1, burst: 10 }),
    /** Web pages that may use it, for example `https://acme.example`; empty means any. */
    allowed_origins: list(Text),
  })),
});
/** See {@linkcode WebchatConfig}. */
export type WebchatConfig = z.infer<typeof WebchatConfig>;

// Upstream allows one object or a list; the empty file is no bot at all.
const oneOrMore = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => value === null || value === undefined ? [] : Array.isArray(value) ? value : [value],
    z.array(item),
  );

/** The Telegram bots: one object or a list. */
export const TelegramConfig = oneOrMore(
  z.strictObject({
    ...instanceKeys,
    enabled: withDefault(z.boolean(), true),
    /** Absent: the credential registered for this line. */
    token: optional(Text),
    /** Where the Bot API answers; absent: Telegram's own. */
    api_root: optional(z.url()),
    allow_agents: list(Text),
    allowlist: block({ chat_ids: list(z.union([z.string(), z.int()]).transform(String)) }),
    polling: block({
      enabled: withDefault(z.boolean(), true),
      interval_ms: withDefault(Positive.min(100), 25_000),
      offset_path: optional(z.string()),
    }),
    bridge_timeout_ms: withDefault(Positive, 120_000),
    auto_transcribe: optional(Json),
  }),
);
/** See {@linkcode TelegramConfig}. */
export type TelegramConfig = z.infer<typeof TelegramConfig>;

/** The WhatsApp lines: one object or a list. */
export const WhatsappConfig = oneOrMore(
  z.strictObject({
    ...instanceKeys,
    enabled: withDefault(z.boolean(), false),
    session_dir: optional(z.string()),
    media_dir: optional(z.string()),
    allow_agents: list(Text),
    acl: block({ allow_list: list(z.string()), from_env: optional(z.string()) }),
    behavior: block({
      ignore_chat_meta: withDefault(z.boolean(), true),
      ignore_from_me: withDefault(z.boolean(), true),
      ignore_groups: withDefault(z.boolean(), false),
    }),
    rate_limit: block({
      global_per_sec: withDefault(z.number().positive(), 2),
      per_jid_per_sec: withDefault(z.number().positive(), 1),
      burst: withDefault(Count, 5),
    }),
    bridge: block({
      response_timeout_ms: withDefault(Positive, 30_000),
      on_timeout: withDefault(z.enum(["noop", "apology_text"]), "noop"),
      apology_text: optional(z.string()),
    }),
    transcriber: optional(Json),
    daemon: optional(Json),
    public_tunnel: optional(Json),
  }),
);
/** See {@linkcode WhatsappConfig}. */
export type WhatsappConfig = z.infer<typeof WhatsappConfig>;

const MailServer = z.strictObject({
  host: Text,
  port: z.int().min(1).max(65_535),
  tls: withDefault(z.enum(["implicit_tls", "starttls", "none"]), "implicit_tls"),
});

/** The mailboxes. */
export const EmailConfig = block({
  enabled: withDefault(z.boolean(), true),
  max_body_bytes: withDefault(Positive, 32_768),
  attachments_dir: optional(z.string()),
  outbound_queue_dir: optional(z.string()),
  poll_fallback_seconds: withDefault(Positive, 60),
  idle_reissue_minutes: withDefault(Positive, 28),
  spf_dkim_warn: withDefault(z.boolean(), true),
  loop_prevention: block({
    auto_submitted: withDefault(z.boolean(), true),
    list_headers: withDefault(z.boolean(), true),
    self_from: withDefault(z.boolean(), true),
  }),
  accounts: list(z.strictObject({
    instance: Slug,
    account_id: instanceKeys.account_id,
    address: z.string().includes("@"),
    provider: optional(Text),
    imap: MailServer,
    smtp: MailServer,
    folders: block({
      inbox: withDefault(Text, "INBOX"),
      sent: withDefault(Text, "Sent"),
      archive: withDefault(Text, "Archive"),
    }),
    filters: block({ from_allowlist: list(z.string()), from_denylist: list(z.string()) }),
  })),
});
/** See {@linkcode EmailConfig}. */
export type EmailConfig = z.infer<typeof EmailConfig>;

/** The files of `plugins/`, by channel. */
export const PLUGIN_FILES = {
  webchat: z.strictObject({ ...schemaVersion, webchat: WebchatConfig }),
  telegram: z.strictObject({ ...schemaVersion, telegram: TelegramConfig }),
  whatsapp: z.strictObject({ ...schemaVersion, whatsapp: WhatsappConfig }),
  email: z.strictObject({ ...schemaVersion, email: EmailConfig }),
} as const;

/** Everything in `plugins/`. */
export interface PluginsConfig {
  readonly webchat: WebchatConfig;
  readonly telegram: TelegramConfig;
  readonly whatsapp: WhatsappConfig;
  readonly email: EmailConfig;
}
