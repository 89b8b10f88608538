/**
 * Channels written in YAML: webhooks in, JSON out.
 *
 * @module
 */
import { z } from "zod";
import { resolveSource, SourceFields } from "../../contract/mod.ts";
import { sign } from "../../signing/sign.ts";
import type { Channel, NotReady } from "../channel.ts";
import type { ChannelDeps, ChannelKind } from "../kind.ts";
import { hearBody } from "./hear.ts";
import { postAnswer, type SignBody } from "./send.ts";

const Credential = z.looseObject({ webhook_secret: z.string().min(1).optional() });

/** See {@linkcode ChannelKind}. */
export const generic: ChannelKind = {
  id: "generic",
  textLimit: Number.MAX_SAFE_INTEGER,
  open(deps): Channel {
    return {
      id: "generic",
      sends: new Set(["text", "reply", "media", "template"]),
      repeats: true,
      ready(instance) {
        const rules = rulesOf(deps, instance);
        return Promise.resolve("kind" in rules ? rules : undefined);
      },
      async send(outbound, { signal }) {
        const rules = rulesOf(deps, outbound.instance);
        if ("kind" in rules) return rules;
        const credential = deps.credentialOf("generic", outbound.instance);
        return postAnswer(outbound, {
          rules,
          credential,
          sign: signStandard,
          nowMs: deps.now(),
          signal,
        });
      },
      webhookOf(instance) {
        const config = configOf(deps, instance);
        if (config === undefined) return undefined;
        const { secret, verify_token: verifyToken = null, ...source } = config.webhook;
        const registered = Credential.safeParse(deps.credentialOf("generic", instance)).data;
        return {
          source: {
            ...source,
            event_kind_from: { kind: "body", path: "type", otherwise: "message" },
          },
          secret: secret ?? registered?.webhook_secret ?? null,
          verifyToken,
        };
      },
      hear({ body_json, received_at_ms }, instance) {
        const config = configOf(deps, instance);
        return config === undefined
          ? { messages: [], receipts: [] }
          : hearBody(body_json, config.inbound, received_at_ms);
      },
      fetchPart: (ref, _instance, { signal }) => deps.fetchMedia(ref, { signal }),
    };
  },
};

function configOf({ settings }: ChannelDeps, instance: string) {
  return settings().plugins.generic.find((channel) => channel.instance === instance);
}

function rulesOf(deps: ChannelDeps, instance: string) {
  const config = configOf(deps, instance);
  if (config?.enabled !== true) return notReady(`no channel "${instance}" is switched on`);
  return config.outbound ?? notReady(`channel "${instance}" has no outbound`);
}

function notReady(reason: string): NotReady {
  return { kind: "not_ready", reason };
}

/** Signs as Standard Webhooks say, so that the other side checks with a library it has. */
const signStandard: SignBody = async (body, { id, secret, nowMs }) => {
  const source = resolveSource(SourceFields.parse({
    id: "answers",
    path: "/",
    preset: "standard_webhooks",
    secret_env: "answers",
    // A secret of another form is the text itself.
    ...(secret.startsWith("whsec_") ? {} : { signature: { secret_format: "text" } }),
  }));
  const { headers } = await sign({
    ...source,
    secret,
    previous_secret: null,
  }, { body, nowMs, id, contentType: "application/json", url: "" });
  return headers;
};
