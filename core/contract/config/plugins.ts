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
  list,
  optional,
  Positive,
  schemaVersion,
  Text,
  unused,
  withDefault,
} from "./block.ts";
import { GenericConfig } from "./generic_channel.ts";
import { SenderRateLimit } from "./limits.ts";

const instanceKeys = {
  /** By convention the tenant's id. */
  instance: withDefault(Slug, "default"),
  /** The tenant; absent: the agent's, else the instance when a tenant is called so. */
  account_id: optional(AccountId),
};

/** Scheme, host and port of a page, as browsers send it. */
const WebOrigin = z.string().trim().transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isOrigin = url !== undefined && /^https?:$/.test(url.protocol) &&
    url.origin === text.replace(/\/$/, "").toLowerCase();
  if (isOrigin) return url.origin;
  context.addIssue("must be an origin such as https://www.acme.example, without a path");
  return z.NEVER;
});

/** The web chat. Without a file, every `webchat` binding is an instance with these defaults. */
export const WebchatConfig = block({
  enabled: withDefault(z.boolean(), true),
  instances: list(z.strictObject({
    instance: Slug,
    account_id: instanceKeys.account_id,
    /** How often one visitor may write. */
    visitor_rate_limit: withDefault(SenderRateLimit, { rps: 1, burst: 10 }),
    /**
     * Origins whose pages may embed it, for example `https://www.acme.example`; empty means none: it is
     * there on its own page only.
     */
    allowed_origins: list(WebOrigin),
    /** What the window is called. @default the words of the visitor's language */
    title: optional(Text.max(80)),
    /** Shown before anything was said. */
    welcome: optional(Text.max(500)),
    /** Bytes of a file that visitors may send, at most 10 MiB; 0 means none. */
    max_file_bytes: withDefault(Count.max(10 * 1024 * 1024), 5 * 1024 * 1024),
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

/** Keys of bots and lines that are read and change nothing. */
export const UNUSED_TELEGRAM_KEYS = ["bridge_timeout_ms", "auto_transcribe"] as const;
/** See {@linkcode UNUSED_TELEGRAM_KEYS}. */
export const UNUSED_WHATSAPP_KEYS = [
  "session_dir",
  "media_dir",
  "bridge",
  "transcriber",
  "daemon",
  "public_tunnel",
] as const;

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
    ...unused(UNUSED_TELEGRAM_KEYS),
  }),
);
/** See {@linkcode TelegramConfig}. */
export type TelegramConfig = z.infer<typeof TelegramConfig>;

/** The WhatsApp lines of the Cloud API: one object or a list. */
export const WhatsappConfig = oneOrMore(
  z.strictObject({
    ...instanceKeys,
    enabled: withDefault(z.boolean(), false),
    /** The line, by the id Meta gives to its number; not the number itself. */
    phone_number_id: optional(z.union([z.string(), z.int()]).transform(String)),
    /** Absent: the credential registered for this line, as are the next two. */
    access_token: optional(Text),
    /** Signs Meta's webhooks. */
    app_secret: optional(Text),
    /** What Meta shows when it checks our address. */
    verify_token: optional(Text),
    /** Where the Graph API answers. */
    api_root: withDefault(z.url(), "https://graph.facebook.com"),
    api_version: withDefault(z.string().regex(/^v\d+\.\d+$/, "must be like v23.0"), "v23.0"),
    /** Sent, with the text as its one parameter, once somebody has been silent for 24 hours. */
    reengage_template: optional(
      z.strictObject({ name: Text, language: withDefault(Text, "en_US") }),
    ),
    allow_agents: list(Text),
    /** Numbers that are heard; empty means all. */
    acl: block({ allow_list: list(z.string()), from_env: optional(z.string()) }),
    behavior: block({
      ignore_chat_meta: withDefault(z.boolean(), true),
      ignore_from_me: withDefault(z.boolean(), true),
      ignore_groups: withDefault(z.boolean(), false),
    }),
    rate_limit: block({
      /** Of the line; the Cloud API takes 80 a second. */
      global_per_sec: withDefault(z.number().positive(), 80),
      per_jid_per_sec: withDefault(z.number().positive(), 1),
      burst: withDefault(Count, 80),
    }),
    ...unused(UNUSED_WHATSAPP_KEYS),
  }),
);
/** See {@linkcode WhatsappConfig}. */
export type WhatsappConfig = z.infer<typeof WhatsappConfig>;

/** The Slack apps: one object or a list. */
export const SlackConfig = oneOrMore(
  z.strictObject({
    ...instanceKeys,
    enabled: withDefault(z.boolean(), true),
    /** Absent: the credential registered for this instance, as is the next. */
    bot_token: optional(Text),
    /** Signs Slack's requests. */
    signing_secret: optional(Text),
    /** Where the Web API answers. */
    api_root: withDefault(z.url(), "https://slack.com/api/"),
    allow_agents: list(Text),
    /** What is heard in rooms: everything, or only what names the app. */
    rooms: withDefault(z.enum(["all", "mentions"]), "all"),
  }),
);
/** See {@linkcode SlackConfig}. */
export type SlackConfig = z.infer<typeof SlackConfig>;

const MailServer = z.strictObject({
  host: Text,
  port: z.int().min(1).max(65_535),
  tls: withDefault(z.enum(["implicit_tls", "starttls", "none"]), "implicit_tls"),
});

/** Keys of the mail file that are read and change nothing. */
export const UNUSED_EMAIL_KEYS = [
  "attachments_dir",
  "outbound_queue_dir",
  "spf_dkim_warn",
] as const;

/** The mailboxes. */
export const EmailConfig = block({
  enabled: withDefault(z.boolean(), true),
  /** Text of one mail; what is longer is cut. */
  max_body_bytes: withDefault(Positive, 32_768),
  /** Between looks at a mailbox whose server does not tell of new mail. */
  poll_fallback_seconds: withDefault(Positive, 60),
  /** How long one wait for news may last. */
  idle_reissue_minutes: withDefault(Positive, 28),
  ...unused(UNUSED_EMAIL_KEYS),
  loop_prevention: block({
    auto_submitted: withDefault(z.boolean(), true),
    list_headers: withDefault(z.boolean(), true),
    self_from: withDefault(z.boolean(), true),
  }),
  accounts: list(z.strictObject({
    instance: Slug,
    account_id: instanceKeys.account_id,
    address: z.string().includes("@"),
    /** As recipients see the sender. */
    display_name: optional(Text),
    provider: optional(Text),
    /** Absent with `xoauth2_token`, too: the credential registered for this mailbox. */
    password: optional(Text),
    xoauth2_token: optional(Text),
    /** Absent: mail comes by webhook only. */
    imap: optional(MailServer),
    smtp: MailServer,
    /** Signs mail that a service posts to us, `X-Signature` over its body. */
    webhook_secret: optional(Text),
    allow_agents: list(Text),
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
  slack: z.strictObject({ ...schemaVersion, slack: SlackConfig }),
  generic: z.strictObject({ ...schemaVersion, generic: GenericConfig }),
} as const;

/** Everything in `plugins/`. */
export interface PluginsConfig {
  readonly webchat: WebchatConfig;
  readonly telegram: TelegramConfig;
  readonly whatsapp: WhatsappConfig;
  readonly email: EmailConfig;
  readonly slack: SlackConfig;
  readonly generic: GenericConfig;
}
