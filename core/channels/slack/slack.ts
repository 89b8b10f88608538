/**
 * Slack: apps, by the Events API and interactivity; a thread is a conversation.
 *
 * @module
 */
import type { WebClient } from "@slack/web-api";
import { z } from "zod";
import type { Channel, NotReady } from "../channel.ts";
import type { ChannelDeps, ChannelKind } from "../kind.ts";
import { hearEvent } from "./events.ts";
import { sendByApp, SLACK_TEXT_LIMIT } from "./send.ts";

const Credential = z.object({
  bot_token: z.string().min(1),
  signing_secret: z.string().min(1),
}).partial();

/** Hosts of Slack's files: nobody else sees the token. */
const FILE_HOSTS = /(^|\.)slack\.com$/;

/** See {@linkcode ChannelKind}. */
export const slack: ChannelKind = {
  id: "slack",
  textLimit: SLACK_TEXT_LIMIT,
  open(deps): Channel {
    const apps = createApps(deps);
    return {
      id: "slack",
      sends: new Set(["text", "reply", "media"]),
      repeats: false,
      async ready(instance) {
        const app = await apps.of(instance);
        return "kind" in app ? app : undefined;
      },
      async send(outbound, { signal }) {
        const app = await apps.of(outbound.instance);
        return "kind" in app ? app : sendByApp(app, outbound, signal);
      },
      webhookOf: (instance) => ({
        source: { preset: "slack" },
        secret: factsOf(deps, instance).signing_secret ?? null,
        verifyToken: null,
      }),
      hear: ({ body_json, received_at_ms }, instance) =>
        hearEvent(body_json, configOf(deps, instance)?.rooms ?? "all", received_at_ms),
      fetchPart(ref, instance, { signal }) {
        const token = factsOf(deps, instance).bot_token ?? "";
        const api = new URL(configOf(deps, instance)?.api_root ?? "https://slack.com");
        const at = new URL(ref);
        const isSlack = at.origin === api.origin ||
          (at.protocol === "https:" && FILE_HOSTS.test(at.hostname));
        return deps.fetchMedia(ref, {
          signal,
          trustedOrigin: api.origin,
          ...(isSlack ? { headers: { authorization: `Bearer ${token}` } } : {}),
        });
      },
    };
  },
};

function configOf({ settings }: ChannelDeps, instance: string) {
  return settings().plugins.slack.find((app) => app.instance === instance);
}

/** What the file says of an app, and where it says nothing, what was registered for it. */
function factsOf(deps: ChannelDeps, instance: string): z.infer<typeof Credential> {
  const { bot_token, signing_secret } = configOf(deps, instance) ?? {};
  const registered = Credential.safeParse(deps.credentialOf("slack", instance)).data ?? {};
  const said = Object.entries({ bot_token, signing_secret })
    .filter(([, value]) => value !== undefined);
  return { ...registered, ...Object.fromEntries(said) };
}

/** The clients of all apps; one whose token or address changed is made anew. */
function createApps(
  deps: ChannelDeps,
): { of: (instance: string) => Promise<WebClient | NotReady> } {
  const made = new Map<string, { readonly key: string; readonly client: WebClient }>();
  return {
    async of(instance) {
      const config = configOf(deps, instance);
      if (config?.enabled !== true) return notReady(`no app "${instance}" is switched on`);
      const { bot_token: token } = factsOf(deps, instance);
      if (token === undefined) return notReady(`app "${instance}" has no bot_token`);
      const key = `${config.api_root} ${token}`;
      const known = made.get(instance);
      if (known?.key === key) return known.client;
      // Loaded when the first app needs it: most installations have none.
      const { LogLevel, WebClient } = await import("@slack/web-api");
      const client = new WebClient(token, {
        slackApiUrl: config.api_root,
        // The outbox does both, and its retries outlive the process.
        retryConfig: { retries: 0 },
        rejectRateLimitedCalls: true,
        timeout: 30_000,
        logLevel: LogLevel.ERROR,
      });
      made.set(instance, { key, client });
      return client;
    },
  };
}

function notReady(reason: string): NotReady {
  return { kind: "not_ready", reason };
}
