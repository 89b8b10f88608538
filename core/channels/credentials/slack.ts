/**
 * A Slack app's token.
 *
 * @module
 */
import { z } from "zod";
import { askProvider } from "./ask.ts";
import { type ChannelCredential, NOT_PROBED } from "./credential.ts";
import { plain } from "./plain.ts";

const API_ROOT = "https://slack.com/api/";

const Payload = z.object({ bot_token: z.string().min(1) });
/** Slack answers 200 to wrong tokens, too. */
const Auth = z.object({ ok: z.literal(true), user: z.string(), team: z.string() });

/** See {@linkcode ChannelCredential}. */
export const slackCredential: ChannelCredential = {
  ...plain("slack", ["slack"], ["bot_token", "signing_secret"]),
  probe({ payload }, { apiRoot = API_ROOT, ...deps }) {
    const given = Payload.safeParse(payload);
    if (!given.success) return Promise.resolve(NOT_PROBED);
    const secret = given.data.bot_token;
    return askProvider({
      provider: "Slack",
      url: new URL("auth.test", apiRoot).href,
      init: { method: "POST", headers: { authorization: `Bearer ${secret}` } },
      secret,
      whose(answer) {
        const auth = Auth.safeParse(answer);
        return auth.success ? `${auth.data.user} in ${auth.data.team}` : undefined;
      },
    }, deps);
  },
};
