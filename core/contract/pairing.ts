/**
 * Pairing: a person and a line of a channel get to know each other.
 *
 * @module
 */
import { z } from "zod";
import { Uuid } from "./ids.ts";

/** Where a challenge stands. The last three are final. */
export const PairingState = z.enum([
  "pending",
  "qr_ready",
  "awaiting_user",
  "linked",
  "expired",
  "cancelled",
]);
/** See {@linkcode PairingState}. */
export type PairingState = z.infer<typeof PairingState>;

/** One challenge as the wire shows it. */
export const PairingStatus = z.object({
  challenge_id: Uuid,
  state: PairingState,
  data: z.object({
    qr_ascii: z.string().optional(),
    qr_png_base64: z.string().optional(),
    /** What the QR code says, to be opened or tapped. */
    link: z.string().optional(),
    /** Who linked, as the channel names them. */
    device_jid: z.string().optional(),
    error: z.string().optional(),
  }).optional(),
});
/** See {@linkcode PairingStatus}. */
export type PairingStatus = z.infer<typeof PairingStatus>;
