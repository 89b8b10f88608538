/**
 * One webhook endpoint as it is written, and what its preset adds.
 *
 * @module
 */
import { z } from "zod";
import { AccountId, Slug } from "../ids.ts";
import { type Preset, PRESET_NAMES, PRESETS } from "./presets.ts";
import {
  AnswerFields,
  DedupeFields,
  EventKindFrom,
  FormFields,
  HandshakeFields,
  PublicUrl,
  RateLimit,
  ResponseFields,
  SecretName,
  SignatureFields,
} from "./webhook_fields.ts";

const member = z.string().trim().min(1, "must not be empty");

/** The fields of a source, each by itself. */
export const SourceFields = z.strictObject({
  id: z.string().trim().pipe(Slug),
  path: z.string().trim().regex(/^\/[^\s?#]*$/, "must start with / and hold no space, ? or #"),
  preset: z.enum(PRESET_NAMES).optional(),
  signature: SignatureFields.optional(),
  secret_env: SecretName.optional(),
  /** A second secret that is good as well, until `previous_secret_until`. */
  previous_secret_env: SecretName.optional(),
  previous_secret_until: z.iso.datetime({ offset: true }).optional(),
  publish_to: z.string().trim().min(1).optional(),
  event_kind_from: EventKindFrom.optional(),
  dedupe: DedupeFields.optional(),
  response: ResponseFields.optional(),
  answers: z.array(AnswerFields).max(16).optional(),
  handshake: HandshakeFields.optional(),
  /** What the handshake's token must be; by default `<secret_env>_VERIFY_TOKEN`. */
  verify_token_env: SecretName.optional(),
  form: FormFields.optional(),
  /** Lists in a body that bring several events, the outermost first; each item becomes an event. */
  split: z.array(member).min(1).max(4).optional(),
  /** Where the internet finds this source, when the receiver's `public_url` and the path do not say it. */
  public_url: PublicUrl.optional(),
  /** How long a source may bring nothing before that is worth an event; otherwise learnt. */
  silent_after_secs: z.int().positive().optional(),
  body_cap_bytes: z.int().positive("must be above 0").nullish(),
  rate_limit: RateLimit.nullish(),
  concurrency_cap: z.int().nonnegative().nullish(),
  account_id: AccountId.optional(),
  enabled: z.boolean().default(true),
});
/** See {@linkcode SourceFields}. */
export type SourceFields = z.infer<typeof SourceFields>;
/** A source as it is written. */
export type SourceInput = z.input<typeof SourceFields>;

/** The fields of a source over those of its preset. */
export function withPreset(raw: SourceFields) {
  const preset: Preset = raw.preset === undefined ? NO_PRESET : PRESETS[raw.preset];
  const signature = { ...SignatureFields.parse(preset.signature), ...raw.signature };
  const response = ResponseFields.parse(preset.response ?? {});
  const handshake = raw.handshake ??
    (preset.handshake === undefined ? undefined : HandshakeFields.parse(preset.handshake));
  const secretEnv = raw.secret_env ?? signature.secret_env;
  return {
    signature,
    secretEnv,
    previousEnv: raw.previous_secret_env ?? signature.previous_secret_env,
    previousUntil: raw.previous_secret_until ?? signature.previous_secret_until,
    kindFrom: raw.event_kind_from ?? (preset === NO_PRESET ? undefined : preset.event_kind_from),
    dedupe: raw.dedupe ?? (preset === NO_PRESET ? undefined : DedupeFields.parse(preset.dedupe)),
    response: raw.response === undefined
      ? response
      : { ...raw.response, within_ms: raw.response.within_ms ?? response.within_ms },
    answers: raw.answers ?? AnswerFields.array().parse(preset.answers ?? []),
    handshake,
    verifyTokenEnv: handshake === undefined
      ? undefined
      : raw.verify_token_env ?? `${secretEnv ?? ""}_VERIFY_TOKEN`,
    form: raw.form ?? preset.form,
    split: raw.split ?? preset.split ?? [],
    publishTo: raw.publish_to ?? `webhook.${raw.id}.{event_kind}`,
  };
}

const NO_PRESET: Preset = {
  signature: {},
  event_kind_from: { kind: "body", path: "type" },
  dedupe: { body_hash: true },
};
