/**
 * What providers agree on, so that a source needs only a path and a secret.
 *
 * @module
 */
import type { z } from "zod";
import type {
  DedupeFields,
  EventKindFrom,
  ResponseFields,
  SignatureFields,
} from "./webhook_fields.ts";

/** What a preset fills in; any field written in the source wins. */
export interface Preset {
  readonly signature: z.input<typeof SignatureFields>;
  readonly event_kind_from: EventKindFrom;
  readonly dedupe: z.input<typeof DedupeFields>;
  readonly response?: z.input<typeof ResponseFields>;
}

/** Each provider, by the name used in `preset`. */
export const PRESETS = {
  github: {
    signature: { algorithm: "hmac-sha256", header: "X-Hub-Signature-256", prefix: "sha256=" },
    event_kind_from: { kind: "header", name: "X-GitHub-Event" },
    dedupe: { header: "X-GitHub-Delivery" },
  },
  generic_hmac: {
    signature: { algorithm: "hmac-sha256", header: "X-Signature" },
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
