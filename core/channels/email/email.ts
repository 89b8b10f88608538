/**
 * E-mail: mailboxes by IMAP or webhook in, SMTP out; a thread is a conversation.
 *
 * @module
 */
import { z } from "zod";
import { bindingId, CodedError, type EmailConfig } from "../../contract/mod.ts";
import type { Channel, NotReady } from "../channel.ts";
import type { ChannelDeps, ChannelKind } from "../kind.ts";
import { sniffType } from "../media/sniff.ts";
import { attendMailbox } from "./attend.ts";
import { hearMail, rawMail } from "./hear.ts";
import { readMail } from "./mime.ts";
import { type Sender, sendMail } from "./send.ts";

type Account = EmailConfig["accounts"][number];
type MailServer = Account["smtp"];

const Credential = z.object({
  password: z.string().min(1),
  xoauth2_token: z.string().min(1),
  webhook_secret: z.string().min(1),
}).partial();

const CONNECT_LIMIT_MS = 15_000;
const SILENCE_LIMIT_MS = 45_000;

/** See {@linkcode ChannelKind}. */
export const email: ChannelKind = {
  id: "email",
  textLimit: Number.MAX_SAFE_INTEGER,
  open(deps): Channel {
    return {
      id: "email",
      sends: new Set(["text", "reply", "media"]),
      repeats: false,
      ready(instance) {
        const account = accountOf(deps, instance);
        return Promise.resolve("kind" in account ? account : undefined);
      },
      async send(outbound, { signal }) {
        const account = accountOf(deps, outbound.instance);
        if ("kind" in account) return account;
        return sendMail(await senderOf(deps, account), outbound, { ...deps, signal });
      },
      webhookOf(instance) {
        const account = accountOf(deps, instance);
        if ("kind" in account) return undefined;
        const secret = account.webhook_secret ?? registered(deps, instance).webhook_secret;
        if (secret === undefined) return undefined;
        return {
          source: {
            preset: "generic_hmac",
            // A mail has no kind, and each has a type: `message/rfc822`, or that of a JSON around it.
            event_kind_from: { kind: "header", name: "Content-Type" },
            response: { status: 200 },
          },
          secret,
          verifyToken: null,
        };
      },
      async hear(envelope, instance) {
        const account = accountOf(deps, instance);
        if ("kind" in account) return { messages: [], receipts: [] };
        return hearMail(envelope, { account, config: deps.settings().plugins.email });
      },
      async attend(instance, signal) {
        const account = accountOf(deps, instance);
        if ("kind" in account) return account;
        const { imap, folders, address } = account;
        if (imap === undefined) return { kind: "attended" };
        const { poll_fallback_seconds, idle_reissue_minutes } = deps.settings().plugins.email;
        const auth = signInOf(deps, account);
        if (auth === undefined) return notReady(`mailbox "${instance}" has no password`);
        const { ImapFlow } = await import("imapflow");
        const client = new ImapFlow({
          host: imap.host,
          port: imap.port,
          ...imapSecurity(imap),
          auth: "pass" in auth
            ? { user: address, pass: auth.pass }
            : { user: address, accessToken: auth.accessToken },
          autoIdleDelay: 100,
          maxIdleTime: idle_reissue_minutes * 60_000,
          connectionTimeout: CONNECT_LIMIT_MS,
          logger: false,
        });
        return attendMailbox(client, {
          ...deps,
          instance,
          folder: folders.inbox,
          waitMs: poll_fallback_seconds * 1000,
        }, signal);
      },
      async fetchPart(ref, instance) {
        const [envelopeId = "", index = ""] = ref.split("/");
        const envelope = await deps.envelopeOf(envelopeId);
        const isOurs = envelope?.source_id === bindingId("email", instance);
        const raw = envelope === undefined || !isOurs ? undefined : rawMail(envelope);
        const file = raw === undefined ? undefined : (await readMail(raw)).files[Number(index)];
        if (file === undefined) {
          throw new CodedError("not_found", "Cannot fetch: the mail is not kept any more");
        }
        return { bytes: file.bytes, mime: sniffType(file.bytes) };
      },
    };
  },
};

function accountOf({ settings }: ChannelDeps, instance: string): Account | NotReady {
  const { enabled, accounts } = settings().plugins.email;
  const account = accounts.find((each) => each.instance === instance);
  if (!enabled || account === undefined) {
    return notReady(`no mailbox "${instance}" is switched on`);
  }
  return account;
}

function registered({ credentialOf }: ChannelDeps, instance: string) {
  return Credential.safeParse(credentialOf("email", instance)).data ?? {};
}

/** How a mailbox signs in: what its file says, else what was registered; undefined without either. */
function signInOf(deps: ChannelDeps, account: Account) {
  const kept = registered(deps, account.instance);
  const accessToken = account.xoauth2_token ?? kept.xoauth2_token;
  const pass = account.password ?? kept.password;
  if (account.password === undefined && accessToken !== undefined) return { accessToken };
  return pass === undefined ? undefined : { pass };
}

async function senderOf(deps: ChannelDeps, account: Account): Promise<Sender> {
  const { createTransport } = await import("nodemailer");
  const { smtp, address } = account;
  const auth = signInOf(deps, account);
  const transport = createTransport({
    host: smtp.host,
    port: smtp.port,
    ...smtpSecurity(smtp),
    ...(auth === undefined ? {} : {
      auth: "pass" in auth
        ? { user: address, pass: auth.pass }
        : { type: "OAuth2" as const, user: address, accessToken: auth.accessToken },
    }),
    connectionTimeout: CONNECT_LIMIT_MS,
    greetingTimeout: CONNECT_LIMIT_MS,
    socketTimeout: SILENCE_LIMIT_MS,
    // Files come through the guarded fetch, or not at all.
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return { transport, address, displayName: account.display_name };
}

function smtpSecurity({ tls }: MailServer) {
  return {
    secure: tls === "implicit_tls",
    requireTLS: tls === "starttls",
    ignoreTLS: tls === "none",
  };
}

function imapSecurity({ tls }: MailServer) {
  if (tls === "implicit_tls") return { secure: true };
  return { secure: false, doSTARTTLS: tls === "starttls" };
}

function notReady(reason: string): NotReady {
  return { kind: "not_ready", reason };
}
