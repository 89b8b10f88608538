/**
 * Bodies for `nexo webhook send`, in the shape each provider documents for its events.
 *
 * @module
 */
import type { PresetName } from "../contract/mod.ts";

/** A body to send, and what goes with it. */
export interface Sample {
  readonly body: string;
  readonly contentType: string;
  /** The kind of the event; providers that name it in a header need it there. */
  readonly kind: string;
}

/** What a sample is made of. */
export interface SampleInput {
  /** The kind wanted; otherwise one that the provider's users know. */
  readonly kind: string | undefined;
  /** What tells this event from any other. */
  readonly id: string;
  readonly nowMs: number;
}

type Make = (input: { kind: string; id: string; nowMs: number }) => unknown;

/** For each preset: the usual kind, and a body of a kind. */
const SAMPLES: Readonly<Record<PresetName, readonly [kind: string, make: Make]>> = {
  github: ["push", ({ kind }) => githubEvent(kind)],
  gitlab: ["push", ({ kind }) => ({
    object_kind: kind,
    ref: "refs/heads/main",
    user_username: "octo",
    project: { id: 1, path_with_namespace: "octo/hello" },
    commits: [{ id: "1".repeat(40), message: "Say hello" }],
  })],
  stripe: ["invoice.paid", ({ kind, id, nowMs }) => ({
    id: `evt_${id}`,
    object: "event",
    type: kind,
    created: Math.floor(nowMs / 1000),
    livemode: false,
    data: { object: { id: "in_1", object: "invoice", amount_paid: 4200, currency: "eur" } },
  })],
  slack: ["app_mention", ({ kind, id, nowMs }) => ({
    type: "event_callback",
    event_id: `Ev${id}`,
    event_time: Math.floor(nowMs / 1000),
    team_id: "T1",
    event: { type: kind, user: "U1", channel: "C1", text: "<@U2> hello", ts: `${nowMs / 1000}` },
  })],
  shopify: ["orders/create", () => ({ id: "820982911946154508", total_price: "42.00" })],
  twilio: ["received", ({ kind, id }) => ({
    MessageSid: `SM${id.replaceAll("-", "")}`,
    SmsStatus: kind,
    AccountSid: "AC1",
    From: "+14155550100",
    To: "+14155550199",
    Body: "Hello",
    NumMedia: "0",
  })],
  meta: ["messages", ({ kind, id, nowMs }) => ({
    object: "whatsapp_business_account",
    entry: [{ id: "1", changes: [{ field: kind, value: whatsappMessage(id, nowMs) }] }],
  })],
  telegram: ["message", ({ kind, nowMs }) => ({
    update_id: nowMs % 1_000_000_000,
    [kind]: {
      message_id: 1,
      date: Math.floor(nowMs / 1000),
      chat: { id: 1, type: "private" },
      from: { id: 1, is_bot: false, first_name: "Ana" },
      text: "hello",
    },
  })],
  discord: ["application_command", ({ kind, id }) => ({
    id,
    type: Math.max(2, DISCORD_KINDS.indexOf(kind)),
    application_id: "1",
    data: { id: "1", name: "hello", type: 1 },
    channel_id: "1",
    user: { id: "1", username: "ana" },
  })],
  linear: ["Issue", ({ kind, nowMs }) => ({
    action: "create",
    type: kind,
    data: { id: "1", identifier: "HEL-1", title: "Say hello" },
    webhookTimestamp: nowMs,
  })],
  line: ["message", ({ kind, id, nowMs }) => ({
    destination: "U1",
    events: [{
      type: kind,
      webhookEventId: id,
      timestamp: nowMs,
      deliveryContext: { isRedelivery: false },
      source: { type: "user", userId: "U2" },
      message: { id: "1", type: "text", text: "hello" },
    }],
  })],
  standard_webhooks: ["user.created", ({ kind, nowMs }) => plainEvent(kind, nowMs)],
  generic_hmac: ["created", ({ kind, nowMs }) => plainEvent(kind, nowMs)],
  raw_token: ["created", ({ kind, nowMs }) => plainEvent(kind, nowMs)],
};

/** Discord's interactions, each at the place of its number. */
const DISCORD_KINDS = [
  "",
  "ping",
  "application_command",
  "message_component",
  "application_command_autocomplete",
  "modal_submit",
];

const FORM = "application/x-www-form-urlencoded";

/** A small event as the provider of this preset would send it; without a preset, a plain one. */
export function sampleOf(preset: string | null, { kind, ...rest }: SampleInput): Sample {
  const [usual, make] = SAMPLES[(preset ?? "generic_hmac") as PresetName] ?? SAMPLES.generic_hmac;
  const value = make({ kind: kind ?? usual, ...rest });
  return preset === "twilio"
    ? {
      body: new URLSearchParams(value as Record<string, string>).toString(),
      contentType: FORM,
      kind: kind ?? usual,
    }
    : { body: JSON.stringify(value), contentType: "application/json", kind: kind ?? usual };
}

function plainEvent(kind: string, nowMs: number): unknown {
  const timestamp = new Date(nowMs).toISOString();
  return { type: kind, event: { type: kind }, timestamp, data: { id: "1", name: "Ana" } };
}

function githubEvent(kind: string): unknown {
  const details = kind === "push"
    ? {
      ref: "refs/heads/main",
      before: "0".repeat(40),
      after: "1".repeat(40),
      head_commit: { id: "1".repeat(40), message: "Say hello", author: { name: "octo" } },
    }
    : { action: "created" };
  return {
    ...details,
    repository: { id: 1, name: "hello", full_name: "octo/hello", private: false },
    sender: { id: 2, login: "octo", type: "User" },
  };
}

function whatsappMessage(id: string, nowMs: number): unknown {
  return {
    messaging_product: "whatsapp",
    metadata: { display_phone_number: "14155550199", phone_number_id: "1" },
    messages: [{
      id: `wamid.${id}`,
      from: "14155550100",
      timestamp: `${Math.floor(nowMs / 1000)}`,
      type: "text",
      text: { body: "hello" },
    }],
  };
}
