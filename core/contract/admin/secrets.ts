/**
 * `nexo/admin/secrets/write` and `nexo/admin/auth/rotate_token`.
 *
 * @module
 */
import { z } from "zod";
import { configVersion, spec, worded } from "./spec.ts";

const SECRET_NAME = /^[A-Z][A-Z0-9_]{1,63}$/;
const MAX_VALUE_BYTES = 8_192;
const MIN_TOKEN_BYTES = 16;
const MAX_REASON_CHARS = 200;
const encoder = new TextEncoder();

/** The methods of this domain. */
export const SECRET_METHODS = {
  "nexo/admin/secrets/write": spec(
    "secrets_write",
    z.object({
      name: worded((text) =>
        SECRET_NAME.test(text) ? undefined : "name must match ^[A-Z][A-Z0-9_]{1,63}$"
      ),
      value: worded((text) => {
        const { length } = encoder.encode(text);
        if (length === 0) return "value cannot be empty";
        return length > MAX_VALUE_BYTES
          ? `value length ${length} exceeds ${MAX_VALUE_BYTES}`
          : undefined;
      }),
    }),
    z.object({ path: z.string(), overwrote_env: z.boolean(), ...configVersion }),
  ),
  "nexo/admin/auth/rotate_token": spec(
    "auth_rotate",
    z.object({
      new_token: worded((text) => {
        const { length } = encoder.encode(text);
        return length < MIN_TOKEN_BYTES
          ? `new_token must be >= ${MIN_TOKEN_BYTES} chars (got ${length})`
          : undefined;
      }).nullish(),
      /** Whose token, for operators; a microapp has only its own. */
      microapp_id: z.string().nullish(),
      reason: z.string().nullish().transform((text) => text?.slice(0, MAX_REASON_CHARS)),
    }),
    z.object({ ok: z.literal(true), new_hash: z.string(), at_ms: z.int() }),
  ),
} as const;
