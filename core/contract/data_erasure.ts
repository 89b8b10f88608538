/**
 * Erasing what microapps keep of people.
 *
 * @module
 */
import { z } from "zod";

/** Asked of every microapp whose manifest says `capabilities.data_erasure = true`. */
export const DATA_ERASE = "data/erase";

/** Whose data is to go. Asked again after a failure, so that a second time must do no harm. */
export const DataErasure = z.looseObject({
  account_id: z.string(),
  /** One person, as channels name them; null for everybody of the tenant. */
  contact: z.string().nullable(),
});
/** See {@linkcode DataErasure}. */
export type DataErasure = z.infer<typeof DataErasure>;

/** The answer, once nothing of it is left. */
export const DataErased = z.looseObject({ erased: z.int().nonnegative() });

/** What became of it in one microapp: either it counted what is gone, or it failed. */
export const MicroappErased = z.object({
  microapp_id: z.string(),
  erased: z.int().nullable(),
  error: z.string().nullable(),
});
/** See {@linkcode MicroappErased}. */
export type MicroappErased = z.infer<typeof MicroappErased>;
