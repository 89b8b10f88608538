/**
 * A line of WhatsApp's Cloud API.
 *
 * @module
 */
import { z } from "zod";
import { askProvider } from "./ask.ts";
import { type ChannelCredential, NOT_PROBED } from "./credential.ts";
import { plain } from "./plain.ts";

const API_ROOT = "https://graph.facebook.com";

const Payload = z.object({
  phone_number_id: z.union([z.string().regex(/^\d+$/), z.int()]),
  access_token: z.string().min(1),
});
const Line = z.object({ display_phone_number: z.string() });

/** See {@linkcode ChannelCredential}. */
export const whatsappCredential: ChannelCredential = {
  ...plain("whatsapp", ["whatsapp"], [
    "phone_number_id",
    "access_token",
    "app_secret",
    "verify_token",
  ]),
  probe({ payload }, { apiRoot = API_ROOT, ...deps }) {
    const given = Payload.safeParse(payload);
    if (!given.success) return Promise.resolve(NOT_PROBED);
    const { phone_number_id: id, access_token: secret } = given.data;
    return askProvider({
      provider: "WhatsApp",
      url: `${apiRoot.replace(/\/$/, "")}/${id}?fields=display_phone_number`,
      init: { headers: { authorization: `Bearer ${secret}` } },
      secret,
      whose: (answer) => Line.safeParse(answer).data?.display_phone_number,
    }, deps);
  },
};
