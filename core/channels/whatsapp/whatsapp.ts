/**
 * WhatsApp: lines of Meta's Cloud API.
 *
 * @module
 */
import { z } from "zod";
import type { Channel, NotReady } from "../channel.ts";
import type { ChannelDeps, ChannelKind } from "../kind.ts";
import type { FetchedMedia } from "../media/fetch_media.ts";
import { hearEvent } from "./events.ts";
import { type Line, sendByLine, WHATSAPP_TEXT_LIMIT } from "./send.ts";

const Credential = z.object({
  phone_number_id: z.string().min(1),
  access_token: z.string().min(1),
  app_secret: z.string().min(1),
  verify_token: z.string().min(1),
}).partial();

/** Where Meta keeps files, beside the Graph API: nobody else sees the token. */
const MEDIA_HOSTS = /(^|\.)(fbsbx\.com|fbcdn\.net|facebook\.com|whatsapp\.net)$/;
const LineInfo = z.looseObject({ display_phone_number: z.string().min(1) });
/** How long Meta has to say which number a line has, in milliseconds. */
const ASK_MS = 5_000;
const MediaInfo = z.looseObject({ url: z.url() });

/** See {@linkcode ChannelKind}. */
export const whatsapp: ChannelKind = {
  id: "whatsapp",
  textLimit: WHATSAPP_TEXT_LIMIT,
  open(deps): Channel {
    return {
      id: "whatsapp",
      sends: new Set(["text", "reply", "media", "template", "typing"]),
      typingMs: 25_000,
      repeats: false,
      confirms: true,
      rateOf(instance) {
        const { global_per_sec: perSec = 80, burst = 80 } = configOf(deps, instance)?.rate_limit ??
          {};
        return { perSec, burst: Math.max(1, burst) };
      },
      ready(instance) {
        const line = lineOf(deps, instance);
        return Promise.resolve("kind" in line ? line : undefined);
      },
      async send(outbound, { signal }) {
        const line = lineOf(deps, outbound.instance);
        if ("kind" in line) return line;
        const heardAtMs = await deps.lastHeardMs(outbound.account_id, outbound.session_id);
        return sendByLine(line, outbound, { heardAtMs, nowMs: deps.now(), signal });
      },
      async linkTo(instance, parameter) {
        const line = lineOf(deps, instance);
        if ("kind" in line) return undefined;
        const response = await fetch(`${line.url}?fields=display_phone_number`, {
          headers: { authorization: `Bearer ${line.token}` },
          signal: AbortSignal.timeout(ASK_MS),
          redirect: "error",
        });
        const { display_phone_number: number } = LineInfo.parse(await response.json());
        return `https://wa.me/${digits(number)}?text=${encodeURIComponent(parameter)}`;
      },
      webhookOf(instance) {
        const { app_secret: secret = null, verify_token: given } = factsOf(deps, instance);
        const verifyToken = given ?? deps.ownSecret(`whatsapp/${instance}`);
        return { source: { preset: "meta" }, secret, verifyToken };
      },
      hear({ body_json }, instance) {
        const { acl, behavior } = configOf(deps, instance) ?? {};
        const { messages, receipts } = hearEvent(
          body_json,
          factsOf(deps, instance).phone_number_id,
        );
        const numbers = new Set(acl?.allow_list.map(digits));
        return {
          messages: messages.filter(({ chat, sender, fromMe }) =>
            (behavior?.ignore_groups !== true || chat === "direct") &&
            (fromMe || numbers.size === 0 || numbers.has(digits(sender?.id ?? "")))
          ),
          receipts,
        };
      },
      async fetchPart(ref, instance, { signal }): Promise<FetchedMedia> {
        const line = lineOf(deps, instance);
        if ("kind" in line) throw new Error(line.reason);
        const root = new URL(line.url);
        const headers = { authorization: `Bearer ${line.token}` };
        const trusted = { trustedOrigin: root.origin };
        const [version = ""] = root.pathname.split("/").filter((part) => part !== "");
        const info = await deps.fetchMedia(
          `${root.origin}/${version}/${encodeURIComponent(ref)}`,
          { signal, headers, ...trusted, maxBytes: 64 * 1024 },
        );
        const { url } = MediaInfo.parse(JSON.parse(new TextDecoder().decode(info.bytes)));
        const at = new URL(url);
        const isMeta = at.origin === root.origin ||
          (at.protocol === "https:" && MEDIA_HOSTS.test(at.hostname));
        return deps.fetchMedia(url, { signal, ...trusted, ...(isMeta ? { headers } : {}) });
      },
    };
  },
};

function configOf({ settings }: ChannelDeps, instance: string) {
  return settings().plugins.whatsapp.find((line) => line.instance === instance);
}

/** What the file says of a line, and where it says nothing, what was registered for it. */
function factsOf(deps: ChannelDeps, instance: string): z.infer<typeof Credential> {
  const { phone_number_id, access_token, app_secret, verify_token } = configOf(deps, instance) ??
    {};
  const registered = Credential.safeParse(deps.credentialOf("whatsapp", instance)).data ?? {};
  const written = { phone_number_id, access_token, app_secret, verify_token };
  const said = Object.entries(written).filter(([, value]) => value !== undefined);
  return { ...registered, ...Object.fromEntries(said) };
}

function lineOf(deps: ChannelDeps, instance: string): Line | NotReady {
  const config = configOf(deps, instance);
  if (config?.enabled !== true) return notReady(`no line "${instance}" is switched on`);
  const { phone_number_id: id, access_token: token } = factsOf(deps, instance);
  if (id === undefined) return notReady(`line "${instance}" has no phone_number_id`);
  if (token === undefined) return notReady(`line "${instance}" has no access_token`);
  const root = config.api_root.replace(/\/$/, "");
  return {
    url: `${root}/${config.api_version}/${encodeURIComponent(id)}`,
    token,
    reengage: config.reengage_template,
  };
}

function notReady(reason: string): NotReady {
  return { kind: "not_ready", reason };
}

/** A number as it is compared: without a plus, spaces or the suffix of a chat's id. */
function digits(number: string): string {
  return number.replace(/@.*$/s, "").replaceAll(/\D/g, "");
}
