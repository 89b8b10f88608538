/**
 * What providers agree on, so that a source needs only a path and a secret.
 *
 * @module
 */
import type { z } from "zod";
import type {
  AnswerFields,
  DedupeFields,
  EventKindFrom,
  FormFields,
  HandshakeFields,
  ResponseFields,
  SignatureFields,
} from "./webhook_fields.ts";

/** What a preset fills in; any field written in the source wins. */
export interface Preset {
  readonly signature: z.input<typeof SignatureFields>;
  readonly event_kind_from: EventKindFrom;
  readonly dedupe: z.input<typeof DedupeFields>;
  readonly response?: z.input<typeof ResponseFields>;
  readonly answers?: readonly z.input<typeof AnswerFields>[];
  readonly handshake?: z.input<typeof HandshakeFields>;
  readonly form?: z.input<typeof FormFields>;
  /** Lists in a body that bring several events, the outermost first. */
  readonly split?: readonly string[];
}

const HMAC = "hmac-sha256";
const JSON_TYPE = "application/json";
const DISCORD_ANSWER = { keep: true, content_type: JSON_TYPE } as const;

/** Each provider, by the name used in `preset`. */
export const PRESETS = {
  github: {
    signature: { algorithm: HMAC, header: "X-Hub-Signature-256", prefix: "sha256=" },
    event_kind_from: { kind: "header", name: "X-GitHub-Event" },
    dedupe: { header: "X-GitHub-Delivery" },
    response: { within_ms: 9_000 },
    form: { json: "payload" },
  },
  gitlab: {
    signature: { algorithm: "raw-token", header: "X-Gitlab-Token" },
    event_kind_from: { kind: "body", path: ["object_kind", "event_name"] },
    // Events that one event sets off share X-Gitlab-Event-UUID, so it would lose some of them.
    dedupe: { header: "Idempotency-Key" },
    response: { status: 200, within_ms: 9_000 },
  },
  stripe: {
    signature: {
      algorithm: HMAC,
      header: "Stripe-Signature",
      signed: "{timestamp}.{body}",
      parts: { signature: "v1" },
      timestamp: { part: "t" },
    },
    event_kind_from: { kind: "body", path: "type" },
    dedupe: { json_pointer: "/id" },
    response: { status: 200, within_ms: 9_000 },
  },
  slack: {
    signature: {
      algorithm: HMAC,
      header: "X-Slack-Signature",
      prefix: "v0=",
      signed: "v0:{timestamp}:{body}",
      timestamp: { header: "X-Slack-Request-Timestamp" },
    },
    event_kind_from: { kind: "body", path: ["event.type", "type", "command"] },
    dedupe: { json_pointer: ["/event_id", "/trigger_id"] },
    response: { status: 200, within_ms: 2_700 },
    answers: [
      { when: { type: "url_verification" }, echo: "challenge", content_type: "text/plain" },
      { when: { ssl_check: "1" }, signed: false },
    ],
    form: { json: "payload" },
  },
  shopify: {
    signature: { algorithm: HMAC, header: "X-Shopify-Hmac-Sha256", encoding: "base64" },
    event_kind_from: { kind: "header", name: "X-Shopify-Topic" },
    // One act of a merchant can set off several topics, all with the same X-Shopify-Event-Id.
    dedupe: { header: "X-Shopify-Webhook-Id" },
    response: { status: 200, within_ms: 4_500 },
  },
  twilio: {
    signature: {
      algorithm: "hmac-sha1",
      header: "X-Twilio-Signature",
      encoding: "base64",
      signed: "{url}{form}",
      body_hash_query: "bodySHA256",
    },
    event_kind_from: {
      kind: "body",
      path: ["MessageStatus", "SmsStatus", "CallStatus", "EventType"],
      otherwise: "callback",
    },
    // A call's webhooks share its CallSid and status, so they are told apart by their whole body.
    dedupe: { json_pointer: ["/MessageSid", "/MessageStatus", "/SmsStatus"] },
    response: {
      status: 200,
      body: '<?xml version="1.0" encoding="UTF-8"?><Response/>',
      content_type: "text/xml",
      within_ms: 9_000,
    },
    form: {},
  },
  meta: {
    signature: { algorithm: HMAC, header: "X-Hub-Signature-256", prefix: "sha256=" },
    event_kind_from: { kind: "body", path: ["entry.0.changes.0.field", "object"] },
    dedupe: {
      json_pointer: [
        "/entry/*/changes/*/value/messages/*/id",
        "/entry/*/changes/*/value/statuses/*/id",
        "/entry/*/changes/*/value/statuses/*/status",
        "/entry/*/messaging/*/message/mid",
      ],
    },
    response: { status: 200, within_ms: 9_000 },
    handshake: {
      query: { "hub.mode": "subscribe" },
      token: "hub.verify_token",
      echo: "hub.challenge",
    },
    split: ["entry", "changes"],
  },
  telegram: {
    signature: { algorithm: "raw-token", header: "X-Telegram-Bot-Api-Secret-Token" },
    event_kind_from: { kind: "member", beside: ["update_id"] },
    dedupe: { json_pointer: "/update_id" },
    response: { status: 200 },
  },
  discord: {
    signature: {
      algorithm: "ed25519",
      header: "X-Signature-Ed25519",
      signed: "{timestamp}{body}",
      timestamp: { header: "X-Signature-Timestamp" },
    },
    event_kind_from: {
      kind: "body",
      path: "type",
      names: {
        2: "application_command",
        3: "message_component",
        4: "application_command_autocomplete",
        5: "modal_submit",
      },
    },
    dedupe: { json_pointer: "/id" },
    response: { within_ms: 2_700 },
    // PONG; "thinking" for commands and forms; nothing to see for components; no suggestions.
    answers: [
      { when: { type: 1 }, body: '{"type":1}', content_type: JSON_TYPE },
      { when: { type: 2 }, body: '{"type":5}', ...DISCORD_ANSWER },
      { when: { type: 3 }, body: '{"type":6}', ...DISCORD_ANSWER },
      { when: { type: 4 }, body: '{"type":8,"data":{"choices":[]}}', ...DISCORD_ANSWER },
      { when: { type: 5 }, body: '{"type":5}', ...DISCORD_ANSWER },
    ],
  },
  linear: {
    signature: {
      algorithm: HMAC,
      header: "Linear-Signature",
      timestamp: { body: "webhookTimestamp", format: "unix_ms", tolerance_secs: 60 },
    },
    event_kind_from: { kind: "header", name: "Linear-Event" },
    dedupe: { header: "Linear-Delivery" },
    response: { status: 200, within_ms: 4_500 },
  },
  line: {
    signature: { algorithm: HMAC, header: "X-Line-Signature", encoding: "base64" },
    event_kind_from: { kind: "body", path: "events.0.type" },
    dedupe: { json_pointer: "/events/*/webhookEventId" },
    response: { status: 200 },
    // LINE's "Verify" button sends an empty list: answered, and nothing to keep.
    split: ["events"],
  },
  standard_webhooks: {
    signature: {
      algorithm: HMAC,
      header: ["webhook-signature", "svix-signature"],
      encoding: "base64",
      secret_format: "base64",
      signed: "{id}.{timestamp}.{body}",
      parts: { separator: " ", assign: ",", signature: "v1" },
      timestamp: { header: ["webhook-timestamp", "svix-timestamp"] },
    },
    event_kind_from: { kind: "body", path: ["type", "eventType"], otherwise: "event" },
    dedupe: { header: ["webhook-id", "svix-id"] },
  },
  generic_hmac: {
    signature: { algorithm: HMAC, header: "X-Signature" },
    event_kind_from: { kind: "header", name: "X-Event-Type" },
    dedupe: { header: ["X-Event-Id", "Idempotency-Key"] },
  },
  raw_token: {
    signature: { algorithm: "raw-token", header: "X-Webhook-Token" },
    event_kind_from: { kind: "header", name: "X-Event-Type" },
    dedupe: { header: ["X-Event-Id", "Idempotency-Key"] },
  },
} as const satisfies Record<string, Preset>;

/** The name of a preset. */
export type PresetName = keyof typeof PRESETS;

/** All names, for schemas and help. */
export const PRESET_NAMES = Object.keys(PRESETS) as [PresetName, ...PresetName[]];
