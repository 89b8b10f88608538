/**
 * Two tenants with a bot of their own on every channel, and what each bot proves itself with.
 *
 * @module
 */

/** The tenants; each is the instance of its bots, too. */
export const TENANTS = ["acme", "globex"] as const;
/** See {@linkcode TENANTS}. */
export type Tenant = typeof TENANTS[number];

/** Channels with a provider of their own. */
export const PROVIDED = ["telegram", "whatsapp", "slack", "email", "generic"] as const;
/** See {@linkcode PROVIDED}. */
export type Provided = typeof PROVIDED[number];

/** Credentials by tenant: no two are the same. */
export const SECRETS = Object.fromEntries(
  TENANTS.map((tenant, i) => [tenant, {
    telegram: `4${i}:bot-of-${tenant}`,
    phone: `10654035224294${i}`,
    whatsapp: `EAA-${tenant}`,
    whatsappApp: `app-secret-of-${tenant}`,
    slack: `xoxb-${tenant}`,
    slackSigning: `signing-secret-of-${tenant}`,
    mail: `mail-secret-of-${tenant}`,
    generic: `key-of-${tenant}`,
    genericHook: `hook-secret-of-${tenant}`,
  }]),
) as Readonly<
  Record<
    Tenant,
    Readonly<
      Record<
        | "telegram"
        | "phone"
        | "whatsapp"
        | "whatsappApp"
        | "slack"
        | "slackSigning"
        | "mail"
        | "generic"
        | "genericHook",
        string
      >
    >
  >
>;

/** A mailbox's address. */
export const mailboxOf = (tenant: Tenant): string => `help@${tenant}.example`;
