/**
 * What people say on each channel, as its provider posts it, and where an answer belongs.
 *
 * @module
 */
import { createHmac } from "node:crypto";
import { mailboxOf, type Provided, SECRETS, type Tenant } from "./tenants.ts";

/** A conversation. The same number is the same person, whichever bot they write to. */
export interface Chat {
  readonly channel: Provided;
  readonly instance: Tenant;
  readonly person: number;
  /** Whether others are in it: a group, a thread in a room. */
  readonly group: boolean;
}

/** Something said. */
export interface Saying extends Chat {
  readonly text: string;
  /** Its place in the conversation; the provider's ids follow from it. */
  readonly number: number;
}

/** A request as a provider makes it. */
export interface Post {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** An address as a provider knows it. */
export interface Address {
  readonly to: string;
  readonly thread: string | null;
}

/** What WhatsApp has to tell of a message it took. */
export interface WhatsappStatus {
  readonly instance: Tenant;
  readonly msgId: string;
  readonly outboundId: string;
}

const JSON_TYPE = { "content-type": "application/json" };
const mac = (secret: string, text: string): string =>
  createHmac("sha256", secret).update(text).digest("hex");
const secondsNow = (): number => Math.floor(Date.now() / 1000);
const phoneOf = (person: number): string => `5730000${String(1000 + person)}`;
/** What no other conversation of the instance is called. */
const nameOf = ({ person, group }: Chat): string => `${person}${group ? "-group" : ""}`;
const rootOf = (person: number): string => `<thread-${person}@example.com>`;

/** Where an answer in a conversation goes. */
export function addressOf({ channel, person, group }: Chat): Address {
  switch (channel) {
    case "telegram":
      return group
        ? { to: String(-1000 - person), thread: "4" }
        : { to: String(1000 + person), thread: null };
    case "whatsapp":
      return { to: group ? `group-${person}` : phoneOf(person), thread: null };
    case "slack":
      return group
        ? { to: `C${person}`, thread: `1699999999.${String(person).padStart(6, "0")}` }
        : { to: `D${person}`, thread: null };
    case "email":
      return { to: `person-${person}@example.com`, thread: rootOf(person) };
    case "generic":
      return { to: group ? `room-${person}` : `person-${person}`, thread: null };
  }
}

/** What the provider posts. `telegramSecret` is what Telegram was told to show. */
export function postOf(saying: Saying, telegramSecret: string): Post {
  const { channel, instance } = saying;
  const path = `/channels/${channel}/${instance}`;
  const secrets = SECRETS[instance];
  if (channel === "email") {
    const body = JSON.stringify({ raw: mailOf(saying) });
    return { path, headers: { ...JSON_TYPE, "x-signature": mac(secrets.mail, body) }, body };
  }
  if (channel === "telegram") {
    const body = JSON.stringify(updateOf(saying));
    const secret = { "x-telegram-bot-api-secret-token": telegramSecret };
    return { path, headers: { ...JSON_TYPE, ...secret }, body };
  }
  if (channel === "slack") {
    const body = JSON.stringify(callbackOf(saying));
    const at = String(secondsNow());
    const signature = `v0=${mac(secrets.slackSigning, `v0:${at}:${body}`)}`;
    const signed = { "x-slack-request-timestamp": at, "x-slack-signature": signature };
    return { path, headers: { ...JSON_TYPE, ...signed }, body };
  }
  if (channel === "whatsapp") {
    return metaPost(instance, {
      contacts: [{ profile: { name: "Ann" }, wa_id: phoneOf(saying.person) }],
      messages: [{
        from: phoneOf(saying.person),
        ...(saying.group ? { group_id: addressOf(saying).to } : {}),
        id: `wamid.in.${saying.instance}.${nameOf(saying)}.${saying.number}`,
        timestamp: String(secondsNow()),
        type: "text",
        text: { body: saying.text },
      }],
    });
  }
  const body = JSON.stringify({
    chat: addressOf(saying).to,
    text: saying.text,
    id: `in-${nameOf(saying)}-${saying.number}`,
    room: saying.group,
  });
  return { path, headers: { ...JSON_TYPE, "x-signature": mac(secrets.genericHook, body) }, body };
}

/** What WhatsApp posts of a message it took. */
export function statusPost({ instance, msgId, outboundId }: WhatsappStatus): Post {
  return metaPost(instance, {
    statuses: [{
      id: msgId,
      status: "delivered",
      timestamp: String(secondsNow()),
      recipient_id: "1",
      biz_opaque_callback_data: outboundId,
    }],
  });
}

function metaPost(instance: Tenant, value: Readonly<Record<string, unknown>>): Post {
  const { phone, whatsappApp } = SECRETS[instance];
  const metadata = { display_phone_number: "15550783881", phone_number_id: phone };
  const changed = { messaging_product: "whatsapp", metadata, ...value };
  const body = JSON.stringify({
    object: "whatsapp_business_account",
    entry: [{ id: "1", changes: [{ field: "messages", value: changed }] }],
  });
  const signature = `sha256=${mac(whatsappApp, body)}`;
  const headers = { ...JSON_TYPE, "x-hub-signature-256": signature };
  return { path: `/channels/whatsapp/${instance}`, headers, body };
}

function updateOf({ person, group, text, number }: Saying): unknown {
  const from = { id: 1000 + person, is_bot: false, first_name: "Ann" };
  return {
    update_id: (2 * person + (group ? 1 : 0)) * 1_000_000 + number,
    message: {
      message_id: number,
      date: secondsNow(),
      from,
      text,
      ...(group
        ? {
          chat: { id: -1000 - person, type: "supergroup", title: "Team", is_forum: true },
          is_topic_message: true,
          message_thread_id: 4,
        }
        : { chat: { id: 1000 + person, type: "private", first_name: "Ann" } }),
    },
  };
}

function callbackOf(saying: Saying): unknown {
  const { instance, person, group, text, number } = saying;
  const ts = `${1_700_000_000 + number}.${String(person).padStart(6, "0")}`;
  const { to, thread } = addressOf(saying);
  return {
    token: "x",
    team_id: "T1",
    api_app_id: "A1",
    type: "event_callback",
    event_id: `Ev-${instance}-${nameOf(saying)}-${number}`,
    event_time: secondsNow(),
    authorizations: [{ team_id: "T1", user_id: "UBOT", is_bot: true }],
    event: {
      type: "message",
      channel: to,
      channel_type: group ? "channel" : "im",
      ...(thread === null ? {} : { thread_ts: thread }),
      user: `U${person}`,
      ts,
      event_ts: ts,
      text,
    },
  };
}

/** The first mail of a thread is its root; the others refer to it. */
export function mailOf({ instance, person, text, number }: Saying): string {
  const root = rootOf(person);
  return [
    `From: Ann <person-${person}@example.com>`,
    `To: ${mailboxOf(instance)}`,
    `Date: ${new Date().toUTCString()}`,
    `Message-ID: ${number === 0 ? root : `<mail-${person}-${number}@example.com>`}`,
    ...(number === 0 ? [] : [`In-Reply-To: ${root}`, `References: ${root}`]),
    "Subject: order",
    "Content-Type: text/plain; charset=utf-8",
    "",
    text,
  ].join("\r\n");
}
